// The sessions of this member: what the stewards report, who looks at them, and what can be asked of them.
package import Accounts
package import Directory
package import Gateway
package import Glibc
package import Logging
package import OperatingSystem
import Replica
package import Sessions
package import Store

/// What happened to the sessions of this member.
package enum SessionEvent: Sendable {
    /// - isVisible: More than its use of memory and processor.
    case changed(KnownSession, isVisible: Bool)
    /// It is no more, not even as one that has ended.
    case removed(KnownSession)
    /// A user's steward came or went.
    case steward(uid_t)
}

/// All sessions of this member.
package actor SessionBook {
    /// Those whose reports it takes, and that are asked about sessions.
    package nonisolated let stewards: StewardServer
    private let logger: Logger
    private var sessions: [String: KnownSession] = [:]
    /// Whose each session is, also while nothing is heard of it, so that nobody else can claim it meanwhile.
    private var owners: [String: uid_t] = [:]
    private var connectedSince: [uid_t: ContinuousClock.Instant] = [:]
    private let store: Store

    /// How long after it has connected a steward may take to tell of all its sessions.
    private static let tellingTime: Duration = .seconds(3)
    private var viewers: [String: [UInt64: Viewer]] = [:]
    private var nextViewer: UInt64 = 0
    /// What is under way: of the viewers of each session to its steward, and of owners to the disk.
    private var tellings: [String: Task<Void, Never>] = [:]
    private var saving: Task<Void, Never>?
    /// Tells every session that changes or goes, and every steward that comes or goes.
    package nonisolated let events = Observers<SessionEvent>()

    /// One connected browser.
    private struct Viewer {
        let loginID: String?
        let close: @Sendable (WebSocketEnd) -> Void
    }

    private static let ownerPrefix = Array("session-owner/".utf8)

    /// Without sessions, until `run`.
    package init(stewards: StewardServer, store: Store, logger: Logger) {
        self.stewards = stewards
        self.store = store
        self.logger = logger
    }

    /// Reads what an earlier process knew of whose each session is.
    package func load() {
        do throws(StoreError) {
            for (key, value) in try store.scanLocal(prefix: Self.ownerPrefix) {
                let id = String(decoding: key.dropFirst(Self.ownerPrefix.count), as: UTF8.self)
                owners[id] = uid_t(String(decoding: value, as: UTF8.self))
            }
        } catch {
            logger.error("whose the sessions are cannot be read: \(error)")
        }
    }

    /// Ends the connections of viewers whose login has ended, here or at another member.
    package nonisolated func follow(_ logins: Observers<LoginEvent>, _ others: Observers<RegistryEvent>) {
        logins.observe { event in if case .ended(let login) = event { self.ended(loginID: login.id) } }
        others.observe { event in if case .loginGone(let login) = event { self.ended(loginID: login.id) } }
    }

    private nonisolated func ended(loginID: String) {
        Task { await disconnectViewers(ofLogin: loginID, .loggedOut) }
    }

    /// Takes the stewards' reports until cancelled.
    package func run() async {
        for await event in stewards.events {
            switch event {
            case .connected(let uid):
                connectedSince[uid] = .now
                logger.info("the steward of user \(uid) is connected")
                forget(uid)
                events.tell(.steward(uid))
            case .disconnected(let uid):
                logger.info("the steward of user \(uid) is gone")
                forget(uid)
                events.tell(.steward(uid))
            case .session(let uid, let report): take(report, of: uid)
            case .removed(let uid, let id): remove(id, of: uid)
            }
        }
    }

    private func take(_ report: SessionReport, of uid: uid_t) {
        let old = sessions[report.id]
        if let owner = owners[report.id], owner != uid {
            return logger.warning("user \(uid) reports a session with the id of another user's; it is ignored")
        }
        let user = old?.user ?? Self.name(of: uid)
        let new = KnownSession(uid: uid, user: user, report: report)
        sessions[report.id] = new
        if owners.updateValue(uid, forKey: report.id) == nil { saveOwner(of: report.id, uid) }
        if old != new {
            let isVisible = old.map { new.differsVisibly(from: $0) } ?? true
            events.tell(.changed(new, isVisible: isVisible))
        }
        // The steward may be a new one that does not know of viewers of before.
        let count = viewers[report.id]?.count ?? 0
        if old == nil, count > 0 { tellViewers(of: report.id, uid) }
    }

    private func remove(_ id: String, of uid: uid_t) {
        guard let old = sessions[id], old.uid == uid else { return }
        sessions[id] = nil
        owners[id] = nil
        tellings[id] = nil
        saveOwner(of: id, nil)
        events.tell(.removed(old))
    }

    /// One after the other: what is written last is what is so.
    private func saveOwner(of id: String, _ uid: uid_t?) {
        let key = Self.ownerPrefix + Array(id.utf8)
        let before = saving
        saving = Task {
            await before?.value
            do throws(StoreError) {
                if let uid {
                    try await store.putLocal(key, Array(String(uid).utf8))
                } else {
                    try await store.deleteLocal(key)
                }
            } catch {
                logger.error("whose session \(id) is was not stored: \(error)")
            }
        }
    }

    /// Whether the user has a session of this id of which nothing is heard at the moment.
    package func isAway(_ id: String, of uid: uid_t?) -> Bool {
        guard let uid, sessions[id] == nil, owners[id] == uid else { return false }
        guard stewards.isConnected(uid), let since = connectedSince[uid] else { return true }
        return .now - since < Self.tellingTime
    }

    /// Without its steward nothing is known of a user's sessions; they go on all the same.
    private func forget(_ uid: uid_t) {
        for session in sessions.values.filter({ $0.uid == uid }) { sessions[session.id] = nil }
    }

    private static func name(of uid: uid_t) -> String {
        // Without a name in the account database the number has to do.
        ((try? UnixUser.withID(uid)) ?? nil)?.name ?? String(uid)
    }

    // MARK: Reading

    /// The oldest first; without those whose steward is not connected.
    package var all: [KnownSession] {
        sessions.values.sorted { ($0.report.started, $0.id) < ($1.report.started, $1.id) }
    }

    /// The session of an id; nil where there is none here, or where nothing is heard of it (`isAway`).
    package subscript(id: String) -> KnownSession? { sessions[id] }

    /// Sessions that run or are about to.
    package var livingCount: Int { sessions.values.count { $0.report.state.isLiving } }

    // MARK: Viewers

    /// Notes a browser that is connected; the number is for `left`.
    package func joined(
        _ id: String, loginID: String?, close: @escaping @Sendable (WebSocketEnd) -> Void
    ) -> UInt64 {
        nextViewer += 1
        viewers[id, default: [:]][nextViewer] = Viewer(loginID: loginID, close: close)
        if let session = sessions[id] { tellViewers(of: id, session.uid) }
        return nextViewer
    }

    /// Forgets a browser that has disconnected, by the number that `joined` gave it.
    package func left(_ id: String, _ viewer: UInt64) {
        viewers[id]?[viewer] = nil
        if viewers[id]?.isEmpty ?? false { viewers[id] = nil }
        if let session = sessions[id] { tellViewers(of: id, session.uid) }
    }

    /// Ends the connections of all viewers of a session.
    package func disconnectViewers(of id: String, _ end: WebSocketEnd) {
        for viewer in (viewers[id] ?? [:]).values { viewer.close(end) }
    }

    /// Ends the connections of a login that has ended.
    func disconnectViewers(ofLogin loginID: String, _ end: WebSocketEnd) {
        for viewer in viewers.values.flatMap(\.values) where viewer.loginID == loginID { viewer.close(end) }
    }

    /// One after the other, each as it is then: of two at once an older number could come last.
    private func tellViewers(of id: String, _ uid: uid_t) {
        let before = tellings[id]
        tellings[id] = Task {
            await before?.value
            do throws(StewardError) {
                _ = try await stewards.request(uid, .clients(id: id, count: viewers[id]?.count ?? 0))
            } catch {
                logger.debug("the steward was not told of the viewers of session \(id): \(error)")
            }
        }
    }
}
