// The event stream (Server-Sent Events) over which pages learn of every change that concerns their user.
import Accounts
import AsyncAlgorithms
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// The stream of events.
struct EventRoutes: RouteGroup {
    let events: UserEvents
    let streams: UserStreams
    let authentication: Authentication

    var handlers: [Route: Handler] { [.events: follow] }

    /// A comment is sent so often, so that both ends notice a connection that is gone.
    private static let heartbeat: Duration = .seconds(15)

    private func follow(_ request: Request, _ context: APIContext) async throws -> Response {
        let identity = try context.requireIdentity(authentication.serverID)
        let place = try streams.open(identity)
        let last = request.headers[.lastEventID].flatMap { Self.number($0, epoch: events.epoch) }
        let isAll = request.uri.queryParameters.get("all") == "true"
        let isResumed = request.headers[.lastEventID] != nil
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .accelBuffering: "no"],
            body: .init { [events, authentication] writer in
                let (missed, first, more) = events.follow(after: isResumed ? last ?? .max : nil)
                var next = first
                if let missed {
                    try await writer.write(Self.text("id: \(events.epoch)-\(first)\n: follows from here\n\n"))
                    for event in missed where event.isVisible(to: identity, all: isAll) {
                        try await writer.write(Self.text(event, events.epoch))
                    }
                } else {
                    try await writer.write(Self.text("event: reset\nid: \(events.epoch)-\(first)\ndata: {}\n\n"))
                }
                for await event in Self.withHeartbeats(more) {
                    guard await authentication.isStillLoggedIn(identity) else { break }
                    guard let event else {
                        try await writer.write(Self.text(": \n\n"))
                        continue
                    }
                    if event.number > next + 1 {
                        // Too slow: events were dropped.
                        try await writer.write(
                            Self.text("event: reset\nid: \(events.epoch)-\(event.number)\ndata: {}\n\n"))
                    } else if event.number > next, event.isVisible(to: identity, all: isAll) {
                        try await writer.write(Self.text(event, events.epoch))
                    }
                    next = max(next, event.number)
                }
                withExtendedLifetime(place) {}
                try await writer.finish(nil)
            })
    }

    /// The events, and nil whenever the time for a heartbeat has come.
    private static func withHeartbeats(_ events: AsyncStream<UserEvent>) -> some AsyncSequence<UserEvent?, Never> {
        merge(
            events.map { Optional($0) },
            AsyncTimerSequence(interval: heartbeat, clock: ContinuousClock()).map { _ in nil })
    }

    private static func number(_ id: String, epoch: String) -> UInt64? {
        let parts = id.split(separator: "-")
        guard parts.count == 2, parts[0] == epoch else { return nil }
        return UInt64(parts[1])
    }

    private static func text(_ event: UserEvent, _ epoch: String) -> ByteBuffer {
        text("event: \(event.name)\nid: \(epoch)-\(event.number)\ndata: \(event.data.canonicalText)\n\n")
    }

    private static func text(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }
}
