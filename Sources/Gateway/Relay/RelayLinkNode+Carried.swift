// The connections of a member's end of the relay that travel as messages: carried streams.
import HTTPTypes
import Logging
import NIOCore
import Relay
import Replica
import Transport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension RelayLinkNode {
    static let streamsPath = "/cluster/streams"

    private struct Offer: Encodable { let nonce: String }

    /// Takes a connection as a stream that is named by its nonce: its bytes may come before the answer does.
    func carry(_ nonce: String) async throws {
        let stream = nonce
        let pipe = try await CarriedPipe.make(group)
        carried[stream] = Carried(pipe: pipe)
        let session: UpgradedSession
        do {
            try await offer(nonce)
            guard carried[stream] != nil else { throw RelayError.unknownStream }
            let transport = pipe.transport
            session = try await transport.eventLoop.submit { [host, target] in
                try host.serve(transport, target.serverID.text)
            }.get()
        } catch {
            pipe.end()
            carried[stream] = nil
            // It may be there all the same: its answer was lost, or all streams were lost while it was asked for.
            await tellEnd(of: stream)
            throw error
        }
        let transport = pipe.transport
        async let pumped: Void = pipe.run {
            await self.room(of: stream)
        } send: { bytes in
            try await self.send(bytes, over: stream)
        } passed: { count in
            await self.passed(count, over: stream)
        }
        await serve(transport, session)
        pipe.end()
        await pumped
        if carried.removeValue(forKey: stream) != nil { await tellEnd(of: stream) }
    }

    /// Asks for a stream until it is there: asked for twice it is the same one.
    private func offer(_ nonce: String) async throws {
        let body = Array(try JSONEncoder().encode(Offer(nonce: nonce)))
        try await retrying(for: settings.dialTime, while: { carried[nonce] != nil }) {
            let answer = try await ask(.post, Self.streamsPath, body: body, type: "application/json")
            guard answer.head.status == .created else {
                throw RelayError.malformed(try await refusal(answer).detail)
            }
            _ = try await Self.body(of: answer)
        }
    }

    // MARK: Carried streams

    private func room(of stream: String) -> Int? { carried[stream]?.stream.room }

    private func send(_ bytes: [UInt8], over stream: String) async throws {
        guard let known = carried[stream] else { throw RelayError.unknownStream }
        let confirmed = known.stream.passedCount
        guard let offset = carried[stream]?.stream.send(bytes.count) else { throw RelayError.unknownStream }
        meter.countSent(bytes.count)
        try await post(bytes, at: offset, confirming: confirmed, over: stream)
    }

    private func passed(_ count: Int, over stream: String) async {
        guard let total = carried[stream]?.stream.passed(count) else { return }
        do {
            try await post([], at: 0, confirming: total, over: stream)
        } catch {
            // Whoever serves the stream ends, and tells it.
            carried[stream]?.pipe.end()
        }
    }

    /// Sends bytes of a stream, again and again until they are taken: whatever comes twice is taken once.
    private func post(
        _ bytes: [UInt8], at offset: UInt64, confirming count: UInt64, over stream: String
    ) async throws {
        let path = "\(Self.streamsPath)/\(stream)?offset=\(offset)&received=\(count)"
        try await retrying(for: settings.silence, while: { carried[stream] != nil }) {
            let answer = try await ask(.post, path, body: bytes, type: "application/octet-stream")
            guard answer.head.status == .noContent else {
                throw RelayError.malformed(try await refusal(answer).detail)
            }
            _ = try await Self.body(of: answer)
        }
    }

    /// Does something that may be done twice, until the external member could be reached.
    private func retrying(
        for limit: Duration, while isWanted: () -> Bool, _ body: () async throws -> Void
    ) async throws {
        let giveUp = now + limit
        while true {
            do {
                return try await body()
            } catch let error as MemberUnreachable {
                guard now < giveUp, isWanted() else { throw error }
                // Not a wait for something to happen: it cannot be reached, and says nothing when it can.
                try await Task.sleep(for: settings.retryMin)
            }
        }
    }

    /// Tells the end of a stream, as long as the external member may still have it.
    func tellEnd(of stream: String) async {
        do {
            try await retrying(for: settings.silence + settings.resumeTime, while: { true }) {
                let answer = try await ask(.delete, "\(Self.streamsPath)/\(stream)")
                _ = try await Self.body(of: answer)
            }
        } catch {
            host.debugLogger.debug("\(target.serverID): the end of a stream could not be told: \(error)")
        }
    }

    func received(_ stream: String, _ offset: UInt64, _ bytes: [UInt8]) {
        do {
            guard let new = try carried[stream]?.stream.take(offset: offset, bytes) else {
                // It was given up here, and the external member has not heard of that.
                Task { await tellEnd(of: stream) }
                return
            }
            guard !new.isEmpty else { return }
            meter.countReceived(new.count)
            carried[stream]?.pipe.deliver(new)
        } catch {
            endBroken(stream, error)
        }
    }

    func confirmed(_ stream: String, _ count: UInt64) {
        do {
            try carried[stream]?.stream.confirm(count)
            carried[stream]?.pipe.hasRoom()
        } catch {
            endBroken(stream, error)
        }
    }

    private func endBroken(_ stream: String, _ error: RelayError) {
        host.logger.warning("a stream that \(target.serverID) carries is broken: \(error)")
        carried.removeValue(forKey: stream)?.pipe.end()
        Task { await tellEnd(of: stream) }
    }
}
