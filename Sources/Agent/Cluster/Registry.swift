// What the map says of servers, and of other members' logins and sessions: an index that follows every change.
import JSON
import Logging
import OperatingSystem
import Replica
import Store
import Synchronization

/// Another member's session, as its lease has it.
struct RemoteSession: Sendable {
    let id: String
    let serverID: ServerID
    let user: String
    let document: JSONValue
}

/// A user's login at another member, as its lease has it.
struct RemoteLogin: Sendable {
    let id: String
    let serverID: ServerID
    let user: String
    let document: JSONValue
}

/// Where a member is reached.
struct ServerAddress: Sendable, Hashable {
    let serverID: ServerID
    let host: String
    let port: Int
    /// SHA-256 of the certificate that it serves, 32 bytes.
    let certificateSHA256: [UInt8]
}

extension ServerAddress {
    /// What a member's update says of it.
    fileprivate init?(of serverID: ServerID, _ update: JSONValue) {
        guard let text = update.texts("urls").first, let url = try? MemberURL(text),
            let hash = update.text("certificateSHA256").flatMap(HexText.decode), hash.count == 32
        else { return nil }
        self.init(serverID: serverID, host: url.endpoint.host, port: url.endpoint.port, certificateSHA256: hash)
    }
}

/// The server updates of all members, and the other leases of other members, as long as they have not expired.
final class Registry: Sendable {
    private struct Lease<Value: Sendable>: Sendable {
        let value: Value
        let expiry: WallTime
    }

    /// A member's server update, and what is asked of it with each request.
    private struct Server {
        let update: JSONValue
        /// Nil where the update does not say it.
        let address: ServerAddress?
    }

    private struct State {
        var servers: [ServerID: Lease<Server>] = [:]
        /// By session id.
        var sessions: [String: Lease<RemoteSession>] = [:]
        /// Sessions that were started through this member, until the map has them: where they are.
        var started: [String: (serverID: ServerID, until: ContinuousClock.Instant)] = [:]
        /// By `serverId/loginId`.
        var logins: [String: Lease<RemoteLogin>] = [:]
        /// Who waits for a login that has just begun elsewhere.
        var loginWaiters: [String: [CheckedContinuation<Void, Never>]] = [:]
        var loginObservers: [@Sendable (RemoteLogin, _ isGone: Bool) -> Void] = []
        var sessionObservers: [@Sendable (RemoteSession, _ isGone: Bool) -> Void] = []
        var serverObservers: [@Sendable (JSONValue) -> Void] = []
    }

    private let store: Store
    private let serverID: ServerID
    private let state = Mutex(State())

    init(store: Store, serverID: ServerID) {
        self.store = store
        self.serverID = serverID
    }

    /// Calls the closure with every session that changes, and with every one that goes as it was.
    func observeSessions(_ observer: @escaping @Sendable (RemoteSession, _ isGone: Bool) -> Void) {
        state.withLock { $0.sessionObservers.append(observer) }
    }

    /// Calls the closure with every new server update.
    func observeServers(_ observer: @escaping @Sendable (JSONValue) -> Void) {
        state.withLock { $0.serverObservers.append(observer) }
    }

    /// Calls the closure with every login at another member that has begun or ended.
    func observeLogins(_ observer: @escaping @Sendable (RemoteLogin, _ isGone: Bool) -> Void) {
        state.withLock { $0.loginObservers.append(observer) }
    }

    /// Follows the map until the store is closed.
    func run(_ logger: Logger) async {
        let feed = store.subscribe()
        scan(logger)
        for await event in feed {
            switch event {
            case .rescan: scan(logger)
            case .commit(let commit):
                for group in commit.groups {
                    group.entries.forEach { (header, key, value, _) in
                        take(header, key, value, isGone: group.source == .expiry || header.kind != .value)
                    }
                }
            }
        }
    }

    private func scan(_ logger: Logger) {
        do throws(StoreError) {
            try store.read { (snapshot) throws(StoreError) in
                for prefix in ["server/", "login/", "session/"] {
                    try snapshot.forEach(prefix: Array(prefix.utf8)) { (header, _, key, value) throws(StoreError) in
                        take(header, key, value, isGone: false)
                        return true
                    }
                }
            }
        } catch {
            logger.error("the servers and sessions of the cluster cannot be read: \(error)")
        }
    }

    private func take(_ header: EntryHeader, _ key: RawSpan, _ value: RawSpan, isGone: Bool) {
        guard let keyClass = try? KeyClass(of: key), keyClass.isLease else { return }
        let parts = String(decoding: key.copy(), as: UTF8.self).split(separator: "/").map(String.init)
        guard parts.count >= 2, let owner = ServerID(parts[1]), keyClass == .server || owner != serverID else { return }
        let json = isGone ? nil : try? JSONValue.parse(value.copy())
        let expiry = header.expiry ?? WallTime(milliseconds: .max)
        switch keyClass {
        case .server: takeServer(owner, json, expiry)
        case .login where parts.count == 3: takeLogin(parts[2], at: owner, json, expiry)
        case .session where parts.count == 3: takeSession(parts[2], of: owner, json, expiry)
        default: break
        }
    }

    private func takeServer(_ owner: ServerID, _ update: JSONValue?, _ expiry: WallTime) {
        let server = update.map { Server(update: $0, address: ServerAddress(of: owner, $0)) }
        let observers = state.withLock { state in
            state.servers[owner] = server.map { Lease(value: $0, expiry: expiry) }
            return state.serverObservers
        }
        if let update { for observer in observers { observer(update) } }
    }

    private func takeLogin(_ id: String, at issuer: ServerID, _ json: JSONValue?, _ expiry: WallTime) {
        let login = json.flatMap { json in
            json.text("user").map { RemoteLogin(id: id, serverID: issuer, user: $0, document: json) }
        }
        let key = "\(issuer)/\(id)"
        let (waiters, told, observers) = state.withLock { state in
            let old = state.logins[key]?.value
            state.logins[key] = login.map { Lease(value: $0, expiry: expiry) }
            let told = (old == nil) == (login == nil) ? nil : login ?? old
            return (state.loginWaiters.removeValue(forKey: key) ?? [], told, state.loginObservers)
        }
        for waiter in waiters { waiter.resume() }
        guard let told else { return }
        for observer in observers { observer(told, login == nil) }
    }

    private func takeSession(_ id: String, of owner: ServerID, _ json: JSONValue?, _ expiry: WallTime) {
        let session = json.flatMap { json in
            json.text("user").map { RemoteSession(id: id, serverID: owner, user: $0, document: json) }
        }
        let (told, observers) = state.withLock { state in
            let old = state.sessions[id]?.value
            // One member does not speak for another's session.
            guard old == nil || old?.serverID == owner else { return (RemoteSession?.none, state.sessionObservers) }
            state.sessions[id] = session.map { Lease(value: $0, expiry: expiry) }
            let hasChanged = old?.document != session?.document
            return (hasChanged ? session ?? old : nil, state.sessionObservers)
        }
        guard let told else { return }
        for observer in observers { observer(told, session == nil) }
    }

    // MARK: Questions

    /// The session of an id, where another member has it.
    func session(_ id: String, at now: WallTime = WallClock.now()) -> RemoteSession? {
        state.withLock { state in
            guard let lease = state.sessions[id], lease.expiry > now else { return nil }
            return lease.value
        }
    }

    /// The member that has a session, where it is another one.
    func server(ofSession id: String) -> ServerID? {
        if let session = session(id) { return session.serverID }
        return state.withLock { state in
            state.started[id].flatMap { $0.until > .now ? $0.serverID : nil }
        }
    }

    /// A session was started at another member, and the map does not have it yet.
    func expectSession(_ id: String, at serverID: ServerID) {
        state.withLock { state in
            let now = ContinuousClock.now
            state.started = state.started.filter { $0.value.until > now }
            guard state.started.count < Self.startedCountMax else { return }
            state.started[id] = (serverID, now + Self.startedTime)
        }
    }

    private static let startedCountMax = 10_000
    private static let startedTime: Duration = .seconds(30)

    /// Other members' sessions of a user, or of everybody.
    func sessions(of user: String?, at now: WallTime = WallClock.now()) -> [RemoteSession] {
        state.withLock { state in
            state.sessions.values.filter { $0.expiry > now && (user == nil || $0.value.user == user) }.map(\.value)
        }
    }

    /// The URLs under which a member is reached, by its own word; none of one that is not known.
    func urls(of serverID: ServerID, at now: WallTime = WallClock.now()) -> [String] {
        state.withLock { state in
            guard let lease = state.servers[serverID], lease.expiry > now else { return [] }
            return lease.value.update.texts("urls")
        }
    }

    /// Whether a login at another member still lasts, and is this user's.
    func hasLogin(_ loginID: String, at issuer: ServerID, user: String, now: WallTime = WallClock.now()) -> Bool {
        state.withLock { state in
            guard let lease = state.logins["\(issuer)/\(loginID)"] else { return false }
            return lease.expiry > now && lease.value.user == user
        }
    }

    /// Other members' logins of a user, or of everybody.
    func logins(of user: String?, at now: WallTime = WallClock.now()) -> [RemoteLogin] {
        state.withLock { state in
            state.logins.values.filter { $0.expiry > now && (user == nil || $0.value.user == user) }.map(\.value)
        }
    }

    /// The login of an id, where another member has it.
    func login(_ id: String) -> RemoteLogin? { logins(of: nil).first { $0.id == id } }

    /// The same, with a moment's patience for a login so new that the map may not have it here yet.
    func waitForLogin(
        _ loginID: String, at issuer: ServerID, user: String, issuedAtSeconds: Int64
    ) async -> Bool {
        if hasLogin(loginID, at: issuer, user: user) { return true }
        guard WallClock.seconds() - issuedAtSeconds <= Self.newLoginSeconds else { return false }
        let key = "\(issuer)/\(loginID)"
        let timer = Task { [self] in
            // How long to wait at the most, where the login never comes; its coming is waited for below.
            try await Task.sleep(for: Self.patience)
            resumeWaiters(of: key)
        }
        await withCheckedContinuation { waiter in
            let isThere = state.withLock { state in
                if state.logins[key] != nil { return true }
                state.loginWaiters[key, default: []].append(waiter)
                return false
            }
            if isThere { waiter.resume() }
        }
        timer.cancel()
        return hasLogin(loginID, at: issuer, user: user)
    }

    private static let newLoginSeconds: Int64 = 10
    private static let patience: Duration = .seconds(2)

    private func resumeWaiters(of key: String) {
        let waiters = state.withLock { $0.loginWaiters.removeValue(forKey: key) ?? [] }
        for waiter in waiters { waiter.resume() }
    }

    /// The updates of all members.
    func servers(at now: WallTime = WallClock.now()) -> [JSONValue] {
        state.withLock { $0.servers.values.filter { $0.expiry > now }.map(\.value.update) }
    }

    /// The members that cannot open connections to others.
    func externalServerIDs(at now: WallTime = WallClock.now()) -> [ServerID] {
        state.withLock { state in
            state.servers.filter { $0.value.expiry > now && $0.value.value.update["external"] == true }.map(\.key)
        }
    }

    func isExternal(_ serverID: ServerID) -> Bool {
        state.withLock { $0.servers[serverID]?.value.update["external"] == true }
    }

    /// Where a member is reached; nil for one that is not known, or does not say so.
    func address(of serverID: ServerID, at now: WallTime = WallClock.now()) -> ServerAddress? {
        state.withLock { state in
            state.servers[serverID].flatMap { $0.expiry > now ? $0.value.address : nil }
        }
    }
}
