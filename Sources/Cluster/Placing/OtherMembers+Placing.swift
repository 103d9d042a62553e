// Has logins and starts done where they are placed: here, or at another member.
import Directory
import Gateway
import HTTPTypes
package import Hummingbird
import Logging
import MemberConfiguration
import Placement
package import Replica

extension OtherMembers {
    /// Has a request done at the member that the chain chooses, or the default rule: the one that the user names, this one,
    /// or the one with the fewest. The next choice is asked where the one before has certainly taken nothing.
    ///
    /// - Parameters:
    ///   - isOpen: Whether this member takes what is placed; only the default rule asks.
    ///   - carried: What another member is asked with.
    ///   - here: Does it at this member, or says why this one takes nobody. It is told the trace's id.
    package func place(
        _ request: PlacementRequest, isOpen: Bool, carried: () async throws -> CarriedRequest,
        here: (_ traceID: String) async throws -> Response
    ) async throws -> Response {
        var placing = Placing(placer, request, isOpen: isOpen)
        let response: Response
        do {
            response =
                if placing.hasChain {
                    try await followChain(&placing, carried, here)
                } else {
                    try await followRule(&placing, carried, here)
                }
        } catch let failure as PlacementFailure {
            throw problem(failure, placing)
        }
        var told = response
        told.headers[.placement] = placing.traceID
        return told
    }

    /// The member that a request would be done at, for somebody who goes there himself.
    ///
    /// - Parameter isOpen: As in `place`.
    /// - Returns: The member, and the trace's id.
    package func choose(_ request: PlacementRequest, isOpen: Bool) async throws -> (server: ServerID, traceID: String) {
        var placing = Placing(placer, request, isOpen: isOpen)
        do {
            let chosen = placing.hasChain ? try await placing.next() : placing.order().first
            guard let server = chosen else { throw PlacementFailure.noCandidates(request.purpose) }
            // Nobody is there to refuse whom the user himself has named.
            if !placing.hasChain, request.named != nil {
                let candidates = placer.candidates(
                    for: request.purpose, among: registry.servers(), isReached: true)
                if let why = candidates.mistake(in: server.text) {
                    throw Problem(.conflict, reason: "no-server", detail: why, serverID: serverID)
                }
            }
            return (server, placing.traceID)
        } catch let failure as PlacementFailure {
            throw problem(failure, placing)
        }
    }

    private func followRule(
        _ placing: inout Placing, _ carried: () async throws -> CarriedRequest,
        _ here: (_ traceID: String) async throws -> Response
    ) async throws -> Response {
        let order = placing.order()
        if order.isEmpty || order == [serverID] { return try await here(placing.traceID) }
        if let named = placing.request.named { try requireKnown(named) }
        var asked = try await carried()
        asked.placement = placing.traceID
        do {
            let (response, taker) = try await proxy.forwardNamingTaker(asked, toFirstOf: order)
            placing.taken(by: taker)
            return response
        } catch let none as NoneReached {
            placing.endUnreached(order[0])
            throw none.problem
        }
    }

    private func followChain(
        _ placing: inout Placing, _ carried: () async throws -> CarriedRequest,
        _ here: (_ traceID: String) async throws -> Response
    ) async throws -> Response {
        while true {
            let server = try await placing.next()
            if server == serverID { return try await here(placing.traceID) }
            var asked = try await carried()
            asked.placement = placing.traceID
            do {
                return try await proxy.forwardIfReached(asked, to: server)
            } catch let none as NoneReached {
                guard placing.mayGoOn else {
                    placing.endUnreached(server)
                    throw none.problem
                }
                placing.leaveOut(server, because: none.problem.detail)
            }
        }
    }

    private func problem(_ failure: PlacementFailure, _ placing: Placing) -> Problem {
        let (status, reason, level) = failure.answer
        proxy.logger.log(
            level: level,
            "no server for \(placing.request.user) (\(placing.request.purpose.rawValue)): \(failure.detail)",
            metadata: ["placement": "\(placing.traceID)"])
        let isHidden = placing.request.purpose == .login && !placer.configuration().placement.showLoginErrors
        var problem = Problem(
            status, reason: reason,
            detail: isHidden ? "no server can be chosen for you just now; tell the administrator" : failure.message,
            serverID: serverID)
        problem.headers[.placement] = placing.traceID
        return problem
    }
}

extension PlacementFailure {
    /// Status and word of the answer, and how the log has it.
    fileprivate var answer: (HTTPResponse.Status, String, Logger.Level) {
        switch self {
        case .refused: (.conflict, "placement-refused", .info)
        case .undecided: (.conflict, "no-server", .warning)
        case .noCandidates: (.serviceUnavailable, "no-server", .warning)
        case .busy: (.serviceUnavailable, "busy", .warning)
        case .stopping: (.serviceUnavailable, "stopping", .notice)
        case .unreachable: (.badGateway, "unreachable", .warning)
        case .noScripts: (.serviceUnavailable, "no-scripts", .error)
        case .noCandidate, .wrongAnswer, .wrongElement, .unanswered, .unknownScript:
            (.internalServerError, "placement-failed", .error)
        }
    }
}
