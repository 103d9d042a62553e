// Stewards for users who are logged in: by the ways that ask them nothing, and by a second login at this host.
import Cluster
import Gateway
import Glibc
import HTTPTypes
import JSON
import Logging
package import MemberConfiguration
package import OperatingSystem
import Sessions

extension LoginService {
    // MARK: Without a question

    /// Sees to it that a user who is logged in has a steward, by the ways that ask him nothing.
    package func launchSteward(for user: UnixUser, _ configuration: LoginConfiguration) async throws {
        if stewards.isConnected(user.uid) { return }
        do throws(LaunchError) {
            if try await startSteward(of: user, configuration) { return }
        } catch {
            logger.error("the steward of \(user.name) did not start: \(error)")
            throw problem(.serviceUnavailable, "link", "your steward did not start: \(error)")
        }
        throw problem(.conflict, "no-link", "no way of settings.json: logins: ways starts a steward without a password")
    }

    /// Starts the steward of a user, or finds it running. False where no way that asks nothing is meant for him.
    private func startSteward(
        of user: UnixUser, _ configuration: LoginConfiguration
    ) async throws(LaunchError) -> Bool {
        if configuration.ways.contains(.own), user.uid == geteuid() {
            try await launchers.own().start()
            return true
        }
        guard configuration.ways.contains(.sudo) else { return false }
        startedBySudo.remove(user.uid)
        try await launchers.sudo().start(user: user.name)
        startedBySudo.insert(user.uid)
        return true
    }

    // MARK: Second logins

    /// Sees to it that sessions of a user can be started here: he has a steward, and a login here allows it, or sudo, or
    /// the agent is his. Where that is not so he is asked for what this host's sshd wants to know, as when he logs in.
    package func prepare(
        _ pending: PendingStart, from source: LoginSource, _ configuration: LoginConfiguration
    ) async throws -> LoginStep {
        let user = pending.user
        if stewards.isConnected(user.uid), await allowsStart(pending, configuration) { return .ready(pending) }
        var refusal: LaunchError?
        do throws(LaunchError) {
            if try await startSteward(of: user, configuration) { return .ready(pending) }
        } catch {
            refusal = error
        }
        // What he runs on this host himself needs no password, and starts his steward before it asks for a session.
        guard pending.asker.loginID != nil else {
            throw problem(.conflict, "no-link", "your steward has ended; \"fastx-agent start\" starts it anew")
        }
        guard configuration.ways.contains(.ssh) else { throw cannotStart(pending, refusal) }
        if let refusal, refusalsOfSudo.isNews("\(user.name) \(refusal)") {
            logger.warning(
                "the steward of \(user.name) did not start, so that he is asked for his password: \(refusal)")
        }
        guard Self.mayLogIn(pending.asker.user) else {
            throw problem(
                .forbidden, "no-such-user",
                "\(pending.asker.user) has no account on \(pending.hostname) that may start sessions")
        }
        let launcher: SSHLogin
        do {
            launcher = try launchers.ssh(configuration)
        } catch {
            throw sshdIsAway(pending, "\(error)")
        }
        return try await beginSecond(pending, launcher, from: source, configuration)
    }

    /// Whether a steward that is there may start sessions: it may be there for sessions alone, after its user's logins here
    /// have been ended. On the host's own socket the kernel says who asks.
    private func allowsStart(_ pending: PendingStart, _ configuration: LoginConfiguration) async -> Bool {
        if pending.asker.loginID == nil { return true }
        if await book.allowsStart(of: pending.user.uid, configuration) { return true }
        return configuration.ways.contains(.sudo) && startedBySudo.contains(pending.user.uid)
    }

    /// The user has proved once more who he is, and has a steward.
    func admit(_ pending: PendingStart, _ source: LoginSource) async throws -> LoginStep {
        let login = try await book.beginSecond(
            pending.user, address: source.address, userAgent: source.userAgent)
        logger.notice(
            "second login of \(pending.user.name) from \(source.address), login \(login.id): his steward starts sessions here"
        )
        return .ready(pending)
    }

    // MARK: What goes wrong

    /// What is said where no way leads to a steward of the user.
    private func cannotStart(_ pending: PendingStart, _ refusal: LaunchError?) -> Problem {
        guard let refusal else {
            return problem(
                .conflict, "no-link",
                "no process of yours that starts sessions runs on \(pending.hostname), and none can be started there; ask "
                    + "the administrator to name \"ssh\" or \"sudo\" in logins: ways of its settings.json")
        }
        logger.error("the steward of \(pending.user.name) did not start: \(refusal)")
        return problem(
            .serviceUnavailable, "link",
            "your steward did not start on \(pending.hostname): \(refusal); tell the administrator, who can also name "
                + "\"ssh\" in logins: ways of its settings.json, so that you are asked for your password instead")
    }

    private func sshdIsAway(_ pending: PendingStart, _ text: String) -> Problem {
        logger.error("sshd of this host cannot be asked for a second login of \(pending.user.name): \(text)")
        return problem(
            .serviceUnavailable, "sshd",
            "sshd on \(pending.hostname), which has to check your password before sessions are started there, cannot be "
                + "asked; tell the administrator, who can start it, correct \"sshPort\" in its settings.json, or let sudo "
                + "start stewards")
    }

    /// What a second login has come to.
    func failure(_ reason: SSHFailure, _ attempt: Attempt, _ pending: PendingStart) -> Problem {
        let (user, hostname) = (attempt.user, pending.hostname)
        switch reason {
        case .wrongCredentials where !attempt.isCounted:
            logger.error("sshd of this host refuses \(user) without a question")
            return problem(
                .forbidden, "sshd-refuses",
                "sshd on \(hostname) refuses you without asking for a password; ask the administrator to allow passwords "
                    + "there (PasswordAuthentication or KbdInteractiveAuthentication), or to let sudo start your steward"
            )
        case .wrongCredentials:
            logger.notice("second login of \(user) from \(attempt.source.address) refused: wrong credentials")
            return problem(.unauthorized, "wrong-credentials", "password or code is wrong; no session was started")
        case .cancelled, .timedOut:
            return problem(
                .requestTimeout, "timed-out", "\(hostname) waited too long for an answer; start the session again")
        case .hostKeyMismatch:
            logger.error("sshd of this host showed a host key that is not among the known ones; see \"sshKnownHosts\"")
            return problem(
                .serviceUnavailable, "host-key",
                "sshd on \(hostname) could not be verified, so that nothing was sent to it; tell the administrator, who "
                    + "finds the reason at \"sshKnownHosts\" of its settings.json")
        case .unreachable(let text): return sshdIsAway(pending, text)
        case .stewardFailed(let text):
            logger.error("the steward of \(user) did not start: \(text)")
            return problem(
                .serviceUnavailable, "link",
                "\(hostname) knows you, but your steward did not start there: \(ShownText.oneLine(text))")
        }
    }
}
