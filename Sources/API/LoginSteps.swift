// What is answered to a step of logging in, also where it is a second login that a start waits for.
import Accounts
import Directory
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import OperatingSystem
import Replica
import Sessions

/// Answers steps of logging in: with a question of the host, with what a browser needs of its login, or with the session
/// that was to be started.
struct LoginSteps: Sendable {
    let member: ThisMember
    let sessions: SessionBook

    private var stewards: StewardServer { sessions.stewards }

    func answer(_ step: LoginStep) async throws -> Response {
        switch step {
        case .question(let attempt, let prompt, let echo):
            // A second login may be at another member than its user.
            return .json(
                [
                    "attempt": .string(attempt), "prompt": .string(prompt), "echo": .bool(echo),
                    "serverId": .string(member.serverID.text), "hostname": .string(member.hostname),
                ], status: .accepted, [.cacheControl: "no-store"])
        case .loggedIn(let login, let token):
            let hasLink = stewards.isConnected(login.uid)
            let login = login.lease(at: member.serverID, hasLink: hasLink).shown(isCurrent: true)
            return .json(
                ["login": login, "csrfToken": .string(token.csrfToken)], status: .ok,
                [.setCookie: Authentication.setCookie(token), .cacheControl: "no-store"])
        case .ready(let pending): return try await start(pending)
        }
    }

    private func start(_ pending: PendingStart) async throws -> Response {
        let user = pending.user
        let report: SessionReport
        do throws(StewardError) {
            report = try await stewards.start(user.uid, pending.start)
        } catch {
            throw StewardProblem.make(error, member.serverID)
        }
        let session = KnownSession(uid: user.uid, user: user.name, report: report)
        return .json(
            session.lease(of: member.serverID, hostname: member.hostname).document, status: .created,
            [.location: Route.session.path(report.id), .sessionServer: member.serverID.text])
    }
}
