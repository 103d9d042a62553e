// Requests that another member carries for a user: which member it is, and where it says that the client is.
import Gateway
import HTTPTypes
import Hummingbird
import Replica
import Trust

/// Recognises carried requests. The carrier speaks for itself alone: who the user is, his own token says.
struct CarriageMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let serverID: ServerID
    let authenticator: MemberAuthenticator
    let certificateHash: @Sendable () -> [UInt8]

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let tokens = request.headers[.carrier] else { return try await next(request, context) }
        let body = try await RequestBody.collect(request, serverID)
        let carrier = try authenticator.verifyCarrier(
            tokens, method: request.method.rawValue, path: request.head.path ?? "/", body: Array(buffer: body),
            certificateHash: authenticator.binding(served: certificateHash(), peerAddress: context.peerAddress))
        context.carriage.value = (
            carrier.serverID, carrier.scope == .full, ClientWay { request.headers[$0] }
        )
        return try await next(request, context)
    }
}

extension MemberAuthenticator {
    /// The member that carries a request. Why it is refused is for it, and not for the user.
    func verifyCarrier(
        _ tokens: String, method: String, path: String, body: [UInt8], certificateHash: [UInt8]?
    ) throws(Problem) -> VerifiedMember {
        do throws(TrustError) {
            return try verifyRequest(tokens, method: method, path: path, body: body, certificateHash: certificateHash)
        } catch {
            var problem = Problem(.unauthorized, reason: error.reason, detail: "\(error)", serverID: serverID)
            problem.headers[.refusal] = error.reason
            throw problem
        }
    }
}
