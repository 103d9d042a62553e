// What changed of late and where it came from, and which member stands behind an origin.
import DequeModule
import Directory
package import Gossip
import JSON
package import Logging
import OperatingSystem
package import Replica
package import Store

/// A bounded memory of recent changes, for `explain`.
package actor Journal {
    /// One change of one key.
    struct Change: Sendable {
        /// Of the entry that came.
        let version: Version
        /// Whether it has a value, or says that the key was deleted.
        let kind: EntryKind
        /// Of the entry whose place it took; nil where there was none.
        let replaced: Version?
        /// What brought it: a write here, a link, or the clock.
        let source: ChangeSource
        /// The peer that the change came from.
        let peer: ServerID?
        /// When this member noted it.
        let time: WallTime
    }

    /// The changes of one request, as the store handed them out: noting them costs nothing for each entry.
    private struct Note {
        let group: ChangeGroup
        let peer: ServerID?
        let time: WallTime
    }

    /// Older changes are forgotten beyond this.
    static let byteCountMax = 8 << 20
    static let noteCountMax = 20_000
    /// Origins remembered on disk, one for each start of each member.
    static let originCountMax = 100_000

    private var notes: Deque<Note> = []
    private var byteCount = 0
    private var origins: [UInt64: ServerID] = [:]
    private let store: Store
    private let node: GossipNode
    private let logger: Logger

    /// Without notes and origins, until `run`.
    package init(store: Store, node: GossipNode, logger: Logger) {
        self.store = store
        self.node = node
        self.logger = logger
    }

    /// Takes notes until the store is closed.
    package func run(own: Origin, serverID: ServerID) async {
        loadOrigins()
        await remember(own, serverID)
        let feed = store.subscribe()
        await learnOriginsOfMap()
        for await event in feed {
            guard case .commit(let commit) = event else { continue }
            for group in commit.groups { await note(group) }
            logger.debug("commit \(commit.sequence): \(commit.groups.reduce(0) { $0 + $1.entries.count }) changes")
        }
    }

    /// The most recent changes of a key, newest first.
    func changes(of key: Key) -> [Change] {
        var changes: [Change] = []
        for note in notes {
            var position = 0
            note.group.entries.forEach { (header, candidate, _, _) in
                defer { position += 1 }
                guard header.keyByteCount == key.bytes.count, candidate.copy() == key.bytes else { return }
                changes.append(
                    Change(
                        version: header.version, kind: header.kind, replaced: note.group.replaced[position],
                        source: note.group.source, peer: note.peer, time: note.time))
            }
        }
        return changes.reversed()
    }

    /// The member whose process drew an origin, where that is known.
    package func member(of origin: Origin) -> ServerID? { origins[origin.raw] }

    private func note(_ group: ChangeGroup) async {
        var peer: ServerID?
        if case .link(let raw) = group.source { peer = await node.peer(of: LinkID(raw: raw)) }
        notes.append(Note(group: group, peer: peer, time: WallClock.now()))
        byteCount += group.entries.byteCount
        while byteCount > Self.byteCountMax || notes.count > Self.noteCountMax, let oldest = notes.popFirst() {
            byteCount -= oldest.group.entries.byteCount
        }
        var updates: [ServerUpdate] = []
        group.entries.forEach { (header, key, value, _) in
            guard header.kind == .value, let update = Self.update(key, value) else { return }
            updates.append(update)
        }
        for update in updates { await learnOrigin(of: update) }
    }

    private func learnOriginsOfMap() async {
        var updates: [ServerUpdate] = []
        do {
            try store.read { (snapshot) throws(StoreError) in
                try snapshot.forEach(prefix: LeaseKey.prefix(of: .server)) { (_, _, key, value) throws(StoreError) in
                    if let update = Self.update(key, value) { updates.append(update) }
                    return true
                }
            }
        } catch {
            logger.error("the server updates cannot be read: \(error)")
        }
        for update in updates { await learnOrigin(of: update) }
    }

    private static func update(_ key: RawSpan, _ value: RawSpan) -> ServerUpdate? {
        guard case .server(let owner)? = LeaseKey(key), let json = try? JSONValue.parse(value.copy()) else {
            return nil
        }
        return ServerUpdate(json, of: owner)
    }

    private func learnOrigin(of update: ServerUpdate) async {
        if let origin = update.origin { await remember(origin, update.serverID) }
    }

    private static let originPrefix = Array("origin/".utf8)

    private func loadOrigins() {
        do {
            for (key, value) in try store.scanLocal(prefix: Self.originPrefix) {
                let hex = String(decoding: key.dropFirst(Self.originPrefix.count), as: UTF8.self)
                if let raw = UInt64(hex, radix: 16) { origins[raw] = ServerID(String(decoding: value, as: UTF8.self)) }
            }
        } catch {
            logger.error("the origins known cannot be read: \(error)")
        }
    }

    private func remember(_ origin: Origin, _ serverID: ServerID) async {
        guard origins[origin.raw] == nil, origins.count < Self.originCountMax else { return }
        origins[origin.raw] = serverID
        do {
            try await store.putLocal(
                Self.originPrefix + Array(String(origin.raw, radix: 16).utf8), Array(serverID.text.utf8))
        } catch {
            logger.error("an origin was not stored: \(error)")
        }
    }
}
