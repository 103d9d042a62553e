// The logins of this member: made, looked up by token, ended, and kept on disk for the next start.
import Directory
package import Glibc
import JSON
package import Logging
package import MemberConfiguration
package import OperatingSystem
import Replica
import Sessions
package import Store

/// What happened to a login.
package enum LoginEvent: Sendable {
    /// It is new: its user has proved who he is.
    case began(Login)
    /// Its token is worth nothing any more.
    case ended(Login)
}

/// All logins of this member.
package actor LoginBook {
    private var logins: [String: Login] = [:]
    private var idsByHash: [[UInt8]: String] = [:]
    private let keys: UserKeys
    private let store: Store
    private let logger: Logger
    /// Tells every login that begins or ends.
    package nonisolated let events = Observers<LoginEvent>()

    /// How often the time of last use goes to disk.
    private static let savingMilliseconds: Int64 = 600_000
    /// Logins of one user; the one unused for longest ends when another begins.
    package static let perUserMax = 50

    private static let prefix = Array("login/".utf8)
    private static let idByteCount = 10
    /// As many as SHA-256 has.
    private static let hashByteCount = 32

    /// Without logins, until `load` has read those of an earlier process.
    package init(store: Store, keys: UserKeys, logger: Logger) {
        self.store = store
        self.keys = keys
        self.logger = logger
    }

    /// Reads what an earlier process left.
    package func load() {
        do {
            for (key, value) in try store.scanLocal(prefix: Self.prefix) {
                guard let json = try? JSONValue.parse(value), let login = Login(localRecord: json) else {
                    logger.warning("the login \(String(decoding: key, as: UTF8.self)) cannot be read and is left out")
                    continue
                }
                logins[login.id] = login
                idsByHash[login.tokenHash] = login.id
            }
        } catch {
            logger.error("the logins of earlier cannot be read, their users have to log in again: \(error)")
        }
    }

    /// The oldest first. One that has ended by the clock is among them until somebody looks for it.
    package var all: [Login] { logins.values.sorted { ($0.since, $0.id) < ($1.since, $1.id) } }

    /// Those of one account, the oldest first.
    package func logins(of uid: uid_t) -> [Login] { all.filter { $0.uid == uid } }

    /// The login of an id; nil where there is none here, or none any more.
    package subscript(id: String) -> Login? { logins[id] }

    /// A new login of a user who has proved who he is.
    package func begin(
        _ user: UnixUser, _ configuration: LoginConfiguration, address: String, userAgent: String
    ) async throws -> (Login, LoginToken) {
        let id = HexText.encode(RandomBytes.make(Self.idByteCount))
        let token = try keys.issue(
            user: user.name, loginID: id, lifetimeSeconds: Int64(configuration.lifetimeHours) * 3_600)
        let login = try await add(id, of: user, address, userAgent, claims: [], tokenHash: token.hash)
        let own = logins(of: user.uid).filter { !$0.isSecondLogin && !$0.isForOneStart }
        if own.count > Self.perUserMax, let oldest = own.min(by: { $0.lastSeen < $1.lastSeen }) { await end(oldest.id) }
        return (login, token)
    }

    /// A login for one start at another member, of a user of this host whom the kernel vouches for. It is not kept on disk:
    /// a restart ends it. It takes no other login's place.
    ///
    /// - Returns: nil where this member cannot vouch for users at others, for lack of a full cluster key.
    package func beginForOneStart(_ user: UnixUser, userAgent: String) throws -> (Login, LoginToken)? {
        guard keys.isFull else { return nil }
        let id = HexText.encode(RandomBytes.make(Self.idByteCount))
        let token = try keys.issue(user: user.name, loginID: id, lifetimeSeconds: Login.oneStartSeconds)
        let now = WallClock.now()
        let login = Login(
            id: id, user: user.name, uid: user.uid, groups: user.groups, since: now, address: "local",
            userAgent: String(ShownText.oneLine(userAgent).prefix(Login.userAgentCharacterCountMax)),
            claims: [LoginLease.oneStartClaim], tokenHash: token.hash, lastSeen: now)
        logins[id] = login
        idsByHash[token.hash] = id
        events.tell(.began(login))
        return (login, token)
    }

    /// A new second login of a user who is logged in and has proved once more who he is, in place of an earlier one. There
    /// is no token of it.
    package func beginSecond(_ user: UnixUser, address: String, userAgent: String) async throws(StoreError) -> Login {
        let earlier = secondLogins(of: user.uid)
        let login = try await add(
            HexText.encode(RandomBytes.make(Self.idByteCount)), of: user, address, userAgent,
            claims: [LoginLease.secondLoginClaim], tokenHash: RandomBytes.make(Self.hashByteCount))
        for old in earlier { await end(old.id) }
        return login
    }

    private func add(
        _ id: String, of user: UnixUser, _ address: String, _ userAgent: String, claims: [String], tokenHash: [UInt8]
    ) async throws(StoreError) -> Login {
        let now = WallClock.now()
        let login = Login(
            id: id, user: user.name, uid: user.uid, groups: user.groups, since: now, address: address,
            userAgent: String(ShownText.oneLine(userAgent).prefix(Login.userAgentCharacterCountMax)), claims: claims,
            tokenHash: tokenHash, lastSeen: now)
        try await save(login)
        logins[login.id] = login
        idsByHash[login.tokenHash] = login.id
        events.tell(.began(login))
        return login
    }

    private func secondLogins(of uid: uid_t) -> [Login] { logins(of: uid).filter(\.isSecondLogin) }

    /// Whether an account has a login here, a second one or other, that allows a start. A second login is used by it.
    package func allowsStart(of uid: uid_t, _ configuration: LoginConfiguration) async -> Bool {
        await endExpired(configuration)
        // One of them may end while another is saved.
        for id in secondLogins(of: uid).map(\.id) { if let login = logins[id] { await use(login) } }
        return logins(of: uid).contains { !$0.isForOneStart }
    }

    /// The login of a token, or nil where it is wrong or has ended.
    package func login(of token: LoginToken, _ configuration: LoginConfiguration) async -> Login? {
        guard let id = idsByHash[token.hash], let login = logins[id] else { return nil }
        guard !login.hasEnded(at: WallClock.now(), configuration) else {
            await end(login.id)
            return nil
        }
        return await use(login)
    }

    /// The login as it is with this use.
    @discardableResult
    private func use(_ login: Login) async -> Login {
        var login = login
        let now = WallClock.now()
        let isSavingDue = now.millisecondsSince(login.lastSeen) >= Self.savingMilliseconds
        login.lastSeen = now
        logins[login.id] = login
        if isSavingDue {
            do throws(StoreError) {
                try await save(login)
            } catch {
                logger.error("the time of last use of a login was not stored: \(error)")
            }
        }
        return login
    }

    /// The login of a token's hash; nil where there is none here.
    func login(ofHash hash: [UInt8]) -> Login? { idsByHash[hash].flatMap { logins[$0] } }

    /// Ends a login; its token is worth nothing from now on. False where there is none.
    @discardableResult
    package func end(_ id: String) async -> Bool {
        guard let login = logins.removeValue(forKey: id) else { return false }
        idsByHash[login.tokenHash] = nil
        events.tell(.ended(login))
        do throws(StoreError) {
            try await store.deleteLocal(Self.prefix + Array(id.utf8))
        } catch {
            logger.error("login \(id) has ended, but is still on disk and would be back after a restart: \(error)")
        }
        return true
    }

    /// Ends what has ended by the clock.
    package func endExpired(_ configuration: LoginConfiguration) async {
        let now = WallClock.now()
        for login in all where login.hasEnded(at: now, configuration) { await end(login.id) }
    }

    private func save(_ login: Login) async throws(StoreError) {
        try await store.putLocal(
            Self.prefix + Array(login.id.utf8), Array(login.localRecord.canonicalText.utf8))
    }
}
