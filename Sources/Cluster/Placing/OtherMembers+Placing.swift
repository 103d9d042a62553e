import Gateway
// Has logins and starts done where they are placed: here, or at another member.
import HTTPTypes
package import Hummingbird
import Logging
import MemberConfiguration
import Placement
import Replica

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
        do {
            while let server = try await placing.next() {
                if server == serverID { return told(try await here(placing.traceID), placing.traceID) }
                if !placing.hasChain, request.named != nil { try requireKnown(server) }
                var asked = try await carried()
                asked.placement = placing.traceID
                do {
                    return told(try await proxy.forwardIfReached(asked, to: server), placing.traceID)
                } catch let error as MemberUnreachable {
                    guard error.hasTakenNothing, placing.mayGoOn else { throw proxy.unreachable(error) }
                    placing.leaveOut(server, because: error.detail)
                }
            }
            return told(try await here(placing.traceID), placing.traceID)
        } catch let failure as PlacementFailure {
            throw problem(failure, placing)
        }
    }

    private func told(_ response: Response, _ traceID: String) -> Response {
        var response = response
        response.headers[.placement] = traceID
        return response
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
        case .unreachable: (.badGateway, "unreachable", .warning)
        case .noScripts: (.serviceUnavailable, "no-scripts", .error)
        case .noCandidate, .wrongAnswer, .wrongElement, .unanswered, .unknownScript:
            (.internalServerError, "placement-failed", .error)
        }
    }
}
