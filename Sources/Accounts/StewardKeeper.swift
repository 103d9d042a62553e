// Sees to the stewards of users who are logged in: they are told of logins, and started anew.
package import Glibc
package import Logging
package import MemberConfiguration
import OperatingSystem
import Sessions

/// Keeps stewards for as long as there are logins.
package struct StewardKeeper: Sendable {
    let logins: LoginService
    let configurations: ConfigurationStore
    let logger: Logger

    /// How long a steward that comes back by itself, or is being started for another reason, is given.
    private static let returnTime: Duration = .seconds(2)

    package init(logins: LoginService, configurations: ConfigurationStore, logger: Logger) {
        self.logins = logins
        self.configurations = configurations
        self.logger = logger
    }

    /// Tells stewards how many logins their users have, now and whenever that changes.
    package func follow(_ book: LoginBook) async {
        let (changes, changed) = AsyncStream<uid_t>.makeStream()
        book.events.observe { event in
            let login =
                switch event {
                case .began(let login), .ended(let login): login
                }
            changed.yield(login.uid)
        }
        // One after the other: of two at once an older number could come last.
        Task { for await uid in changes { await tell(uid, book) } }
        for login in await book.all { await tell(login.uid, book) }
    }

    private func tell(_ uid: uid_t, _ book: LoginBook) async {
        logins.stewards.setLoginCount(uid, await book.logins(of: uid).count)
    }

    /// Starts the steward of a user anew who is logged in and has lost it, where that needs no password.
    package func relaunch(_ uid: uid_t) async {
        let configuration = configurations.current.settings.logins
        let isNeedless = configuration.ways.contains(.sudo) || (configuration.ways.contains(.own) && uid == geteuid())
        guard isNeedless, await !logins.book.logins(of: uid).isEmpty else { return }
        if await logins.stewards.waitForSteward(uid, within: Self.returnTime) { return }
        do {
            guard let user = try UnixUser.withID(uid) else { return }
            try await logins.launchSteward(for: user, configuration)
        } catch {
            logger.warning("the steward of user \(uid) ended, and did not start again: \(error)")
        }
    }
}
