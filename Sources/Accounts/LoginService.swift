// Logging in: a password judged by this host's sshd, further questions of the host, or a code from the terminal.
import Cluster
import Gateway
import Glibc
import Hummingbird
import JSON
package import Logging
package import MemberConfiguration
import OperatingSystem
package import Replica
package import Sessions

/// How a step of logging in ended.
package enum LoginStep: Sendable {
    /// The user has proved who he is. The token is for his browser alone.
    case loggedIn(Login, LoginToken)
    /// The host asks something else; the answer goes to the attempt.
    case question(attempt: String, prompt: String, echo: Bool)
    /// A start can go on: its user has a steward.
    case ready(PendingStart)
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
    let serverID: ServerID
    /// The logins that come of it.
    package nonisolated let book: LoginBook
    /// The stewards of those who have logged in.
    package nonisolated let stewards: StewardServer
    let launchers: StewardLaunchers
    private let limits = AttemptLimits()
    /// What scripts do for people who have not logged in yet.
    nonisolated let strangers = StrangerLimits()
    let logger: Logger
    private var attempts: [String: Attempt] = [:]
    private var codes = LoginCodes()
    /// Users for whom sudo has started a steward since the agent's start.
    var startedBySudo: Set<uid_t> = []
    /// Why it has not, where that was logged.
    let refusalsOfSudo = RepeatFilter(period: .seconds(86_400))

    /// What stands for an account where codes are tried; no user has this name.
    private static let codeAccount = "(code)"
    /// Attempts under way at once, of all users.
    static let attemptCountMax = 100
    /// An account that exists nowhere: what could not be a name is tried as this one, so that it takes as long.
    private static let nobody = "fastx-no-such-user"

    /// Second logins of one user that are under way at once; the oldest is given up for another one.
    static let secondCountMax = 3

    struct Attempt {
        let ssh: SSHAttempt
        let user: String
        /// As it was typed.
        let claimedUser: String
        let source: LoginSource
        let configuration: LoginConfiguration
        /// What waits for it, where it is a second login.
        let pending: PendingStart?
        let begun = ContinuousClock.now
        /// Whether the question that was asked last has its answer.
        var isAnswered = false
        /// Whether it counts among the failures until it has succeeded: from the first answer on, right or wrong.
        var isCounted = false
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
    static func mayLogIn(_ name: String) -> Bool {
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
        try requireRoom()
        let account = Self.mayLogIn(user) ? user : Self.nobody
        let launcher = try launchers.ssh(configuration)
        let ssh = launcher.begin(user: account, firstAnswer: TypedSecret(password))
        var attempt = Attempt(
            ssh: ssh, user: account, claimedUser: user, source: source, configuration: configuration, pending: nil)
        count(&attempt)
        return try await proceed(add(attempt))
    }

    /// Begins a second login for a start. The host is asked what it wants to know; nothing was answered yet.
    func beginSecond(
        _ pending: PendingStart, _ launcher: SSHLogin, from source: LoginSource, _ configuration: LoginConfiguration
    ) async throws -> LoginStep {
        let user = pending.asker.user
        try checkLimits(account: user, source)
        let others = attempts.filter { $0.value.pending?.asker.user == user }
        if others.count >= Self.secondCountMax, let oldest = others.min(by: { $0.value.begun < $1.value.begun }) {
            giveUp(oldest.key)
        }
        try requireRoom()
        let ssh = launcher.begin(user: user, firstAnswer: nil)
        return try await proceed(
            add(
                Attempt(
                    ssh: ssh, user: user, claimedUser: user, source: source, configuration: configuration,
                    pending: pending)))
    }

    private func requireRoom() throws {
        forgetAbandoned()
        guard attempts.count < Self.attemptCountMax else {
            throw problem(.serviceUnavailable, "busy", "too many people are logging in just now; try again in a minute")
        }
    }

    private func add(_ attempt: Attempt) -> String {
        // With the server id, so that a member that carried the password finds the way back.
        let id = "\(serverID)-\(HexText.encode(RandomBytes.make(16)))"
        attempts[id] = attempt
        return id
    }

    /// Counted before it is judged, so that attempts at the same time do not all pass; taken back where it was none.
    private func count(_ attempt: inout Attempt) {
        guard !attempt.isCounted else { return }
        attempt.isCounted = true
        limits.failed(account: attempt.claimedUser, source: attempt.source.address, at: .now)
    }

    /// Answers the question of an attempt.
    ///
    /// - Parameter asker: Who answers; nil where he is not logged in. A second login is answered by whoever began it alone.
    package func answer(_ id: String, _ text: String, by asker: Identity?) async throws -> LoginStep {
        // One answer to each question: a second one would be taken for the answer to the next.
        guard var attempt = attempts[id], attempt.isFor(asker), !attempt.isAnswered else {
            throw problem(
                .notFound, "no-such-attempt", "there is no such attempt to log in, or it took too long: begin anew")
        }
        do {
            if !attempt.isCounted { try checkLimits(account: attempt.claimedUser, attempt.source) }
        } catch {
            giveUp(id)
            throw error
        }
        count(&attempt)
        attempt.isAnswered = true
        attempts[id] = attempt
        attempt.ssh.answer(TypedSecret(text))
        return try await proceed(id)
    }

    /// Attempts whose question nobody has answered in the time that an attempt has.
    private func forgetAbandoned() {
        let now = ContinuousClock.now
        for (id, attempt) in attempts where now - attempt.begun > launchers.sshTimeMax { giveUp(id) }
    }

    /// Gives an attempt up. One that is over already, or is another user's second login, is no mistake.
    package func cancel(_ id: String, by asker: Identity?) {
        if attempts[id]?.isFor(asker) == true { giveUp(id) }
    }

    private func giveUp(_ id: String) { attempts.removeValue(forKey: id)?.ssh.cancel() }

    private func proceed(_ id: String) async throws -> LoginStep {
        guard let attempt = attempts[id] else { throw cancelled }
        switch await attempt.ssh.next() {
        case .prompt(let text, let echo):
            attempts[id]?.isAnswered = false
            return .question(attempt: id, prompt: ShownText.oneLine(text), echo: echo)
        case .succeeded:
            let isWanted = attempts.removeValue(forKey: id) != nil
            if attempt.isCounted {
                limits.succeeded(account: attempt.claimedUser, source: attempt.source.address)
            }
            if let pending = attempt.pending {
                // Who gave it up while it was judged wants no session any more.
                guard isWanted else { throw cancelled }
                return try await admit(pending, attempt.source)
            }
            return try await admit(attempt.user, attempt.source, attempt.configuration)
        case .failed(let reason):
            attempts[id] = nil
            if attempt.isCounted, reason != .wrongCredentials {
                limits.withdraw(account: attempt.claimedUser, source: attempt.source.address)
            }
            throw attempt.pending.map { failure(reason, attempt, $0) } ?? failure(reason, attempt)
        }
    }

    private var cancelled: Problem { problem(.notFound, "no-such-attempt", "the attempt was cancelled") }

    private func failure(_ reason: SSHFailure, _ attempt: Attempt) -> Problem {
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

    func checkLimits(account: String, _ source: LoginSource) throws {
        guard let wait = limits.waitingTime(account: account, source: source.address, at: .now) else { return }
        throw tooMany("too many attempts to log in failed", wait)
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

    func problem(_ status: HTTPResponse.Status, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
