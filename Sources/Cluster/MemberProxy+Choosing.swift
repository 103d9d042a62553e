// Hands a request to the first of several members that can be reached, without waiting long for those that cannot.
import Directory
import Gateway
import HTTPTypes
package import Hummingbird
import NIOCore
package import Replica

extension MemberProxy {
    /// How many members are tried at the most.
    private static let triedCountMax = 3

    /// How long a connection may take before the next member is tried beside it. Three of them, with what the last one
    /// takes to come about, stay within the 3 s that a login may wait.
    private static let patience: Duration = .seconds(1)

    private enum Progress: Sendable {
        case ready(ReadyMember)
        case failed(ServerID, Problem)
        /// The member is still being tried, or has been.
        case late(ServerID)
    }

    /// The answer of the first of several members that can be reached.
    ///
    /// Members are tried in their order: the next one where a connection fails, or beside it where it takes long. The
    /// request itself is handed over once, over a connection that is alive; to another member only where the one before
    /// has said that it does not take requests from this one.
    package func forward(_ request: CarriedRequest, toFirstOf targets: [ServerID]) async throws -> Response {
        do {
            return try await forwardNamingTaker(request, toFirstOf: targets).response
        } catch let none as NoneReached {
            throw none.problem
        }
    }

    /// The same, and the member that has taken the request.
    ///
    /// - Throws: `NoneReached` where none was.
    func forwardNamingTaker(
        _ request: CarriedRequest, toFirstOf targets: [ServerID]
    ) async throws -> (response: Response, taker: ServerID) {
        try await forward(request, toFirstOf: targets, isPatient: true)
    }

    /// The answer of one member in whose place another one may be asked.
    ///
    /// - Throws: `NoneReached` where it was not reached soon, or takes nothing from this member.
    func forwardIfReached(_ request: CarriedRequest, to target: ServerID) async throws -> Response {
        try await forward(request, toFirstOf: [target], isPatient: false).response
    }

    /// - Parameter isPatient: Whether the last member is waited for as long as a connection may take.
    private func forward(
        _ request: CarriedRequest, toFirstOf targets: [ServerID], isPatient: Bool
    ) async throws -> (response: Response, taker: ServerID) {
        let (progress, teller) = AsyncStream<Progress>.makeStream()
        // Connections that come about later find nobody here, and are kept for others.
        defer { teller.finish() }
        var waiting = targets.prefix(Self.triedCountMax)[...]
        var tried: Set<ServerID> = []
        func tryNext() {
            guard let target = waiting.popFirst() else { return }
            tried.insert(target)
            Task { teller.yield(await ready(request, target)) }
            Task {
                // Not a wait for something: after this time the next one is tried beside it.
                try await Task.sleep(for: Self.patience)
                teller.yield(.late(target))
            }
        }
        tryNext()
        var last: Problem?
        var events = progress.makeAsyncIterator()
        while !tried.isEmpty, let event = await events.next() {
            switch event {
            case .ready(let member):
                do {
                    return (try await answer(request, member.target, over: member), member.target.serverID)
                } catch let error as MemberUnreachable {
                    throw unreachable(error)
                } catch let error as CarrierRefusal {
                    last = carrierRefused(error)
                    reachability.failed(error.serverID, MemberProbe.refused(error.reason))
                    tried.remove(error.serverID)
                }
            case .failed(let target, let problem):
                last = problem
                tried.remove(target)
            case .late(let target):
                guard tried.contains(target) else { continue }
                // Others need not find out by waiting.
                reachability.suspected(target)
                if !isPatient, waiting.isEmpty { throw NoneReached(tooSlow(target)) }
            }
            tryNext()
        }
        try Task.checkCancellation()
        throw NoneReached(
            last
                ?? Problem(
                    .badGateway, reason: "no-server", detail: "no member can take this request just now",
                    serverID: serverID))
    }

    private func tooSlow(_ target: ServerID) -> Problem {
        Problem(
            .badGateway, reason: "unreachable",
            detail: "no connection to \(routes.registry.title(of: target)) came about within \(Self.patience)",
            serverID: serverID)
    }

    private func ready(_ request: CarriedRequest, _ target: ServerID) async -> Progress {
        do {
            let address = try await routes.target(of: target)
            let check = try MemberProbe.question(.get, to: address, by: authenticator)
            return .ready(try await client.ready(address, on: request.eventLoop, check: check))
        } catch let error as MemberUnreachable {
            learn(from: error)
            return .failed(target, unreachable(error))
        } catch let problem as Problem {
            return .failed(target, problem)
        } catch {
            return .failed(target, Problem(.badGateway, reason: "unreachable", detail: "\(error)", serverID: serverID))
        }
    }
}

/// Nothing of a request was handed over.
struct NoneReached: Error {
    /// What the user is told.
    let problem: Problem

    init(_ problem: Problem) { self.problem = problem }
}
