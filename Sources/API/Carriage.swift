// Requests that another member carries for a user: which member it is, and where it says that the client is.
import Cluster
import Gateway
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Replica
import Trust

/// Recognises carried requests. The carrier speaks for itself alone: who the user is, his own token says.
struct CarriageMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let serverID: ServerID
    let authenticator: MemberAuthenticator
    let certificateHash: @Sendable () -> [UInt8]
    let logger: Logger
    private let refusals = RepeatFilter(period: .seconds(60))

    init(
        serverID: ServerID, authenticator: MemberAuthenticator, logger: Logger,
        certificateHash: @escaping @Sendable () -> [UInt8]
    ) {
        self.serverID = serverID
        self.authenticator = authenticator
        self.logger = logger
        self.certificateHash = certificateHash
    }

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            if let tokens = request.headers[.carrier] { try await verify(tokens, request, context) }
            return try await next(request, context)
        } catch let problem as Problem {
            warn(of: problem, context)
            throw problem
        }
    }

    private func verify(_ tokens: String, _ request: Request, _ context: APIContext) async throws {
        let body = try await RequestBody.collect(request, serverID)
        let served = context.upgrade?.certificateHash ?? certificateHash()
        let carrier = try authenticator.verifyCarrier(
            tokens, method: request.method.rawValue, path: request.head.path ?? "/", body: Array(buffer: body),
            certificateHash: authenticator.binding(served: served, peerAddress: context.peerAddress))
        context.carriage.value = (
            carrier.serverID, carrier.scope == .full, ClientWay { request.headers[$0] }
        )
    }

    /// Why a link or a connection of another member did not come about is for the administrator, and said once in a while:
    /// the member tries again and again.
    private func warn(of problem: Problem, _ context: APIContext) {
        guard let upgrade = context.upgrade, let route = context.route, route.form.audience == .members,
            problem.status == .unauthorized || problem.reason == TrustError.certificateMismatchReason,
            refusals.isNews("\(context.peerAddress) \(problem.detail)")
        else { return }
        let what = route == .gossip ? "a link" : "a connection"
        let why = route == .gossip ? problem.detail : "\(problem.reason): \(problem.detail)"
        logger.warning("refused \(what) from \(upgrade.peer): \(why)")
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
