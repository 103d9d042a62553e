// Logging in: a password judged by this host's sshd, further questions of the host, or a code from the terminal.
import Gateway
import Glibc
import Hummingbird
import JSON
package import Logging
package import MemberConfiguration
package import OperatingSystem
package import Replica
package import Sessions

/// How a step of logging in ended.
package enum LoginStep: Sendable {
    /// The user has proved who he is. The token is for his browser alone.
    case loggedIn(Login, LoginToken)
    /// The host asks something else; the answer goes to the attempt.
    case question(attempt: String, prompt: String, echo: Bool)
}

/// Where a user comes from.
package struct LoginSource: Sendable {
    let address: String
    let userAgent: String

    package init(address: String, userAgent: String) {
        self.address = address
        self.userAgent = userAgent
    }
}

/// Logs users in.
package actor LoginService {
    private let serverID: ServerID
    /// The logins that come of it.
    package nonisolated let book: LoginBook
    /// The stewards of those who have logged in.
    package nonisolated let stewards: StewardServer
    private let launchers: StewardLaunchers
    private let limits = AttemptLimits()
    private let logger: Logger
    private var attempts: [String: Attempt] = [:]
    private var codes = LoginCodes()

    /// What stands for an account where codes are tried; no user has this name.
    private static let codeAccount = "(code)"
    /// Attempts under way at once, of all users.
    static let attemptCountMax = 100
    /// An account that exists nowhere: what could not be a name is tried as this one, so that it takes as long.
    private static let nobody = "fastx-no-such-user"

    private struct Attempt {
        let ssh: SSHAttempt
        let user: String
        /// As it was typed.
        let claimedUser: String
        let source: LoginSource
        let configuration: LoginConfiguration
        let begun = ContinuousClock.now
        var isAnswered = false
    }

    /// Without attempts and codes: those of an earlier process are forgotten.
    package init(
        serverID: ServerID, book: LoginBook, stewards: StewardServer, launchers: StewardLaunchers, logger: Logger
    ) {
        self.serverID = serverID
        self.book = book
        self.stewards = stewards
        self.launchers = launchers
        self.logger = logger
    }

    /// Accounts of the system are no people, and what could not be a name is none; the agent's own user is one.
    private static func mayLogIn(_ name: String) -> Bool {
        guard UnixUser.isValidName(name) else { return false }
        guard let account = (try? UnixUser.named(name)) ?? nil else { return true }
        return !account.isSystemAccount || account.uid == geteuid()
    }

    // MARK: Password and further questions

    /// Begins with a user's name and password.
    package func begin(
        user: String, password: String, from source: LoginSource, _ configuration: LoginConfiguration
    ) async throws -> LoginStep {
        guard configuration.ways.contains(.ssh) else {
            throw problem(
                .forbidden, "way-disabled",
                "this member takes no passwords; run \"fastx-agent login-code\" on its host and use the code")
        }
        try checkLimits(account: user, source)
        forgetAbandoned()
        guard attempts.count < Self.attemptCountMax else {
            throw problem(.serviceUnavailable, "busy", "too many people are logging in just now; try again in a minute")
        }
        let account = Self.mayLogIn(user) ? user : Self.nobody
        let launcher = try launchers.ssh(configuration)
        // Counted at once, so that attempts at the same time do not all pass; taken back where it was none.
        limits.failed(account: user, source: source.address, at: .now)
        let ssh = launcher.begin(user: account, firstAnswer: TypedSecret(password))
        // With the server id, so that a member that carried the password finds the way back.
        let id = "\(serverID)-\(HexText.encode(RandomBytes.make(16)))"
        attempts[id] = Attempt(ssh: ssh, user: account, claimedUser: user, source: source, configuration: configuration)
        return try await proceed(id)
    }

    /// Answers the question of an attempt.
    package func answer(_ id: String, _ text: String) async throws -> LoginStep {
        // One answer to each question: a second one would be taken for the answer to the next.
        guard let attempt = attempts[id], !attempt.isAnswered else {
            throw problem(
                .notFound, "no-such-attempt", "there is no such attempt to log in, or it took too long: begin anew")
        }
        attempts[id]?.isAnswered = true
        attempt.ssh.answer(TypedSecret(text))
        return try await proceed(id)
    }

    /// Attempts whose question nobody has answered in the time that an attempt has.
    private func forgetAbandoned() {
        let now = ContinuousClock.now
        for (id, attempt) in attempts where now - attempt.begun > launchers.sshTimeMax { cancel(id) }
    }

    /// Gives an attempt up. One that is over already is no mistake.
    package func cancel(_ id: String) { attempts.removeValue(forKey: id)?.ssh.cancel() }

    private func proceed(_ id: String) async throws -> LoginStep {
        guard let attempt = attempts[id] else {
            throw problem(.notFound, "no-such-attempt", "the attempt was cancelled")
        }
        switch await attempt.ssh.next() {
        case .prompt(let text, let echo):
            attempts[id]?.isAnswered = false
            return .question(attempt: id, prompt: ShownText.oneLine(text), echo: echo)
        case .succeeded:
            attempts[id] = nil
            limits.succeeded(account: attempt.claimedUser, source: attempt.source.address)
            return try await admit(attempt.user, attempt.source, attempt.configuration)
        case .failed(let reason):
            attempts[id] = nil
            throw failure(reason, attempt)
        }
    }

    private func failure(_ reason: SSHFailure, _ attempt: Attempt) -> Problem {
        if reason != .wrongCredentials { limits.withdraw(account: attempt.claimedUser, source: attempt.source.address) }
        switch reason {
        case .wrongCredentials:
            logger.notice("login of \(attempt.user) from \(attempt.source.address) refused: wrong credentials")
            return problem(.unauthorized, "wrong-credentials", "user name, password or code is wrong")
        case .cancelled, .timedOut:
            return problem(.requestTimeout, "timed-out", "logging in took too long; begin anew")
        case .hostKeyMismatch:
            logger.error("sshd of this host showed a host key that is not among the known ones; see \"sshKnownHosts\"")
            return problem(
                .serviceUnavailable, "host-key", "this host's sshd could not be verified; tell the administrator")
        case .unreachable(let text):
            logger.error("sshd of this host cannot be reached: \(text)")
            return problem(
                .serviceUnavailable, "sshd", "this host's sshd cannot be reached; tell the administrator")
        case .stewardFailed(let text):
            logger.error("the steward of \(attempt.user) did not start: \(text)")
            return problem(
                .serviceUnavailable, "link",
                "you are known, but your steward did not start: \(ShownText.oneLine(text))")
        }
    }

    private func checkLimits(account: String, _ source: LoginSource) throws {
        guard let wait = limits.waitingTime(account: account, source: source.address, at: .now) else { return }
        let seconds = max(1, Int((wait / .seconds(1)).rounded(.up)))
        var refusal = problem(
            .tooManyRequests, "too-many-attempts",
            "too many attempts to log in failed; try again in \(seconds) s")
        refusal.headers[.retryAfter] = String(seconds)
        throw refusal
    }

    private func admit(
        _ name: String, _ source: LoginSource, _ configuration: LoginConfiguration
    ) async throws -> LoginStep {
        guard let user = try UnixUser.named(name) else {
            throw problem(.unauthorized, "wrong-credentials", "user name, password or code is wrong")
        }
        let (login, token) = try await book.begin(
            user, configuration, address: source.address, userAgent: source.userAgent)
        logger.notice("\(user.name) logged in from \(source.address), login \(login.id)")
        return .loggedIn(login, token)
    }

    // MARK: The agent's own user

    /// A code that logs the agent's own user in, once and soon.
    package func makeCode(_ configuration: LoginConfiguration) throws -> String {
        guard configuration.ways.contains(.own) else {
            throw problem(
                .forbidden, "way-disabled", "settings.json: logins: ways does not name \"self\", so there are no codes")
        }
        return "\(serverID)-\(codes.make(at: .now))"
    }

    /// Logs the agent's own user in.
    package func begin(
        code: String, from source: LoginSource, _ configuration: LoginConfiguration
    ) async throws -> LoginStep {
        guard configuration.ways.contains(.own) else {
            throw problem(.forbidden, "way-disabled", "this member takes no codes; give user name and password")
        }
        try checkLimits(account: Self.codeAccount, source)
        // What is before the last dash leads here from other members.
        guard codes.use(code.split(separator: "-").last.map(String.init) ?? "", at: .now) else {
            limits.failed(account: Self.codeAccount, source: source.address, at: .now)
            throw problem(
                .unauthorized, "wrong-credentials",
                "the code is wrong, used or too old; \"fastx-agent login-code\" on the host prints a new one")
        }
        let user = try UnixUser.current()
        try await launchSteward(for: user, configuration)
        return try await admit(user.name, source, configuration)
    }

    // MARK: Stewards

    /// Sees to it that a user who is logged in has a steward.
    package func launchSteward(for user: UnixUser, _ configuration: LoginConfiguration) async throws {
        if stewards.isConnected(user.uid) { return }
        do {
            if configuration.ways.contains(.own), user.uid == geteuid() {
                return try await launchers.own().start()
            }
            if configuration.ways.contains(.sudo) { return try await launchers.sudo().start(user: user.name) }
        } catch {
            logger.error("the steward of \(user.name) did not start: \(error)")
            throw problem(.serviceUnavailable, "link", "your steward did not start: \(error)")
        }
        throw problem(
            .conflict, "no-link", "your steward on this host has ended; log out and in again to start it")
    }

    private func problem(_ status: HTTPResponse.Status, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
