// What the map says of servers, and of other members' logins and sessions: an index that follows every change.
package import JSON
package import Logging
package import OperatingSystem
package import Replica
package import Store
import Synchronization

/// What another member has told.
package enum RegistryEvent: Sendable {
    /// A member has told of itself, also this one and also without a change; nobody is told when that expires.
    case server(ServerUpdate)
    /// A login has begun.
    case login(LoginLease)
    /// A login has ended; as it was.
    case loginGone(LoginLease)
    /// A session is new, or has changed.
    case session(SessionLease)
    /// A session is no more; as it was.
    case sessionGone(SessionLease)
}

/// The server updates of all members, and the other leases of other members, as long as they have not expired.
package final class Registry: Sendable {
    private struct Lease<Value: Sendable>: Sendable {
        let value: Value
        let expiry: WallTime
    }

    /// A member's last word on itself.
    package struct Server: Sendable {
        /// What it says.
        package let update: ServerUpdate
        /// When the member wrote it, by its own clock.
        package let written: WallTime
        /// As the member wrote it: JSON in UTF-8.
        package let text: [UInt8]
        /// Another one for each word of any member.
        package let number: UInt64
    }

    /// A word on a member that was kept in a file, for trials; nil where it is none.
    package static func recorded(_ document: JSONValue) -> Server? {
        guard let owner = document.text("serverId").flatMap({ ServerID($0) }),
            let update = ServerUpdate(document, of: owner)
        else { return nil }
        return Server(
            update: update, written: WallTime(milliseconds: 0), text: Array(document.canonicalText.utf8),
            number: UInt64.random(in: UInt64.max / 2...UInt64.max))
    }

    private struct State {
        var servers: [ServerID: Lease<Server>] = [:]
        /// Those of whom there is a word, ordered.
        private(set) var serverIDs: [ServerID] = []
        var lastNumber: UInt64 = 0

        /// Keeps the order without sorting anew: ten thousand members come one by one when the map is read.
        mutating func noteServer(_ id: ServerID, isThere: Bool) {
            var (low, high) = (0, serverIDs.count)
            while low < high {
                let middle = (low + high) / 2
                if serverIDs[middle] < id { low = middle + 1 } else { high = middle }
            }
            if isThere { serverIDs.insert(id, at: low) } else { serverIDs.remove(at: low) }
        }
        /// By session id.
        var sessions: [String: Lease<SessionLease>] = [:]
        /// Sessions that were started through this member, until the map has them: where they are.
        var started: [String: (serverID: ServerID, until: ContinuousClock.Instant)] = [:]
        /// By `serverId/loginId`.
        var logins: [String: Lease<LoginLease>] = [:]
        /// Who waits for a login that has just begun elsewhere.
        var loginWaiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    }

    private let store: Store
    private let serverID: ServerID
    private let state = Mutex(State())
    /// Tells what other members say.
    package let events = Observers<RegistryEvent>()
    /// What members have told of their hosts in the last hour.
    package let history = ServerHistory()

    /// It knows nothing until `run` has read the map.
    ///
    /// - Parameter serverID: This member's, whose own logins and sessions are left out.
    package init(store: Store, serverID: ServerID) {
        self.store = store
        self.serverID = serverID
        history.follow(events)
    }

    /// Follows the map until the store is closed.
    ///
    /// - Parameter bufferedByteCountMax: How much of what changes may wait; beyond it the map is read anew.
    package func run(_ logger: Logger, bufferedByteCountMax: Int = ChangeFeed.bufferedByteCountMax) async {
        let feed = store.subscribe(bufferedByteCountMax: bufferedByteCountMax)
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
            let found = try store.read { (snapshot) throws(StoreError) in
                var found: Set<LeaseKey> = []
                for keyClass in [KeyClass.server, .login, .session] {
                    try snapshot.forEach(prefix: LeaseKey.prefix(of: keyClass)) {
                        (header, _, key, value) throws(StoreError) in
                        take(header, key, value, isGone: false)
                        if let key = LeaseKey(key) { found.insert(key) }
                        return true
                    }
                }
                return found
            }
            forget(allBut: found)
        } catch {
            logger.error("the servers and sessions of the cluster cannot be read: \(error)")
        }
    }

    /// What went while changes were missed is not in the map to be read.
    private func forget(allBut found: Set<LeaseKey>) {
        let known = state.withLock { state in
            state.servers.keys.map { LeaseKey.server($0) } + state.logins.values.map(\.value.key)
                + state.sessions.values.map(\.value.key)
        }
        for key in known where !found.contains(key) {
            take(key, nil, [], written: WallClock.now(), expiry: WallClock.now())
        }
    }

    private func take(_ header: EntryHeader, _ key: RawSpan, _ value: RawSpan, isGone: Bool) {
        // Audit entries are for whoever looks them up, and there may be many of them.
        if KeyClass.isAudit(key) { return }
        guard let key = LeaseKey(key) else { return }
        let text = isGone ? [] : value.copy()
        let json = isGone ? nil : try? JSONValue.parse(text)
        take(
            key, json, text, written: header.version.clock.time,
            expiry: header.expiry ?? WallTime(milliseconds: .max))
    }

    /// - Parameters:
    ///   - json: The document; nil where the entry is no more.
    ///   - text: The same as it was written.
    private func take(_ key: LeaseKey, _ json: JSONValue?, _ text: [UInt8], written: WallTime, expiry: WallTime) {
        switch key {
        case .server(let owner):
            takeServer(owner, json.flatMap { ServerUpdate($0, of: owner) }, text, written: written, expiry)
        // This member knows its own better.
        case .login(let owner, let id) where owner != serverID: takeLogin(id, at: owner, json, expiry)
        case .session(let owner, let id) where owner != serverID: takeSession(id, of: owner, json, expiry)
        case .login, .session, .reservation, .audit: break
        }
    }

    private func takeServer(
        _ owner: ServerID, _ update: ServerUpdate?, _ text: [UInt8], written: WallTime, _ expiry: WallTime
    ) {
        state.withLock { state in
            state.lastNumber += 1
            let number = state.lastNumber
            let old = state.servers[owner]
            state.servers[owner] = update.map {
                Lease(value: Server(update: $0, written: written, text: text, number: number), expiry: expiry)
            }
            if (old == nil) != (update == nil) { state.noteServer(owner, isThere: update != nil) }
        }
        if let update { events.tell(.server(update)) }
    }

    private func takeLogin(_ id: String, at issuer: ServerID, _ json: JSONValue?, _ expiry: WallTime) {
        let login = json.flatMap { LoginLease($0, id: id, at: issuer) }
        let key = "\(issuer)/\(id)"
        let (waiters, told) = state.withLock { state in
            let old = state.logins[key]?.value
            state.logins[key] = login.map { Lease(value: $0, expiry: expiry) }
            let told = (old == nil) == (login == nil) ? nil : login ?? old
            return (state.loginWaiters.removeValue(forKey: key) ?? [], told)
        }
        for waiter in waiters { waiter.resume() }
        if let told { events.tell(login == nil ? .loginGone(told) : .login(told)) }
    }

    private func takeSession(_ id: String, of owner: ServerID, _ json: JSONValue?, _ expiry: WallTime) {
        let session = json.flatMap { SessionLease($0, id: id, of: owner) }
        let told = state.withLock { state -> SessionLease? in
            let old = state.sessions[id]?.value
            // One member does not speak for another's session.
            guard old == nil || old?.serverID == owner else { return nil }
            state.sessions[id] = session.map { Lease(value: $0, expiry: expiry) }
            return old?.document != session?.document ? session ?? old : nil
        }
        if let told { events.tell(session == nil ? .sessionGone(told) : .session(told)) }
    }

    // MARK: Questions

    /// The session of an id, where another member has it.
    package func session(_ id: String, at now: WallTime = WallClock.now()) -> SessionLease? {
        state.withLock { state in
            guard let lease = state.sessions[id], lease.expiry > now else { return nil }
            return lease.value
        }
    }

    /// The member that has a session, where it is another one.
    package func server(ofSession id: String) -> ServerID? {
        if let session = session(id) { return session.serverID }
        return state.withLock { state in
            state.started[id].flatMap { $0.until > .now ? $0.serverID : nil }
        }
    }

    /// A session was started at another member, and the map does not have it yet.
    package func expectSession(_ id: String, at serverID: ServerID) {
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
    package func sessions(of user: String?, at now: WallTime = WallClock.now()) -> [SessionLease] {
        state.withLock { state in
            state.sessions.values.filter { $0.expiry > now && (user == nil || $0.value.user == user) }.map(\.value)
        }
    }

    /// The URLs under which a member is reached, by its own word; none of one that is not known.
    package func urls(of serverID: ServerID, at now: WallTime = WallClock.now()) -> [String] {
        state.withLock { state in
            guard let lease = state.servers[serverID], lease.expiry > now else { return [] }
            return lease.value.update.urls
        }
    }

    /// Whether a login at another member still lasts, and is this user's. Second logins let nobody in.
    package func hasLogin(_ loginID: String, at issuer: ServerID, user: String, now: WallTime = WallClock.now()) -> Bool
    {
        state.withLock { state in
            guard let lease = state.logins["\(issuer)/\(loginID)"] else { return false }
            return lease.expiry > now && lease.value.user == user && !lease.value.isSecondLogin
        }
    }

    /// Other members' logins of a user, or of everybody.
    package func logins(of user: String?, at now: WallTime = WallClock.now()) -> [LoginLease] {
        state.withLock { state in
            state.logins.values.filter { $0.expiry > now && (user == nil || $0.value.user == user) }.map(\.value)
        }
    }

    /// The login of an id, where another member has it.
    package func login(_ id: String) -> LoginLease? { logins(of: nil).first { $0.id == id } }

    /// The same, with a moment's patience for a login so new that the map may not have it here yet.
    package func waitForLogin(
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

    /// The last words of all members, ordered by server id.
    package func servers(at now: WallTime = WallClock.now()) -> [Server] {
        state.withLock { state in
            state.serverIDs.compactMap { id in state.servers[id].flatMap { $0.expiry > now ? $0.value : nil } }
        }
    }

    /// What a member says of itself; nil for one that has not for 90 s.
    package func update(of serverID: ServerID, at now: WallTime = WallClock.now()) -> ServerUpdate? {
        state.withLock { state in
            state.servers[serverID].flatMap { $0.expiry > now ? $0.value.update : nil }
        }
    }

    /// How messages name a member: as its host calls itself, and by its server id, which alone is one member's.
    package func title(of serverID: ServerID) -> String {
        update(of: serverID)?.hostname.map { "\($0) (\(serverID))" } ?? serverID.text
    }

    /// The members that cannot open connections to others.
    package func externalServerIDs(at now: WallTime = WallClock.now()) -> [ServerID] {
        state.withLock { state in
            state.servers.filter { $0.value.expiry > now && $0.value.value.update.isExternal }.map(\.key)
        }
    }

    /// Whether a member said, when it was last heard of, that it opens no connections to others; false for one that is
    /// not known. Unlike elsewhere here, what has expired counts until it is purged.
    package func isExternal(_ serverID: ServerID, at now: WallTime = WallClock.now()) -> Bool {
        state.withLock { state in
            state.servers[serverID].map { $0.expiry > now && $0.value.update.isExternal } ?? false
        }
    }

    /// Where a member is reached; nil for one that is not known, or does not say so.
    package func address(of serverID: ServerID, at now: WallTime = WallClock.now()) -> ServerAddress? {
        state.withLock { state in
            state.servers[serverID].flatMap { $0.expiry > now ? $0.value.update.address : nil }
        }
    }
}
