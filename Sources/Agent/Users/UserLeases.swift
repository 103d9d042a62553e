// Publishes this member's logins and sessions, as leases that every member sees.
import JSON
import Logging
import Replica
import Sessions
import Store

/// Keeps `login/<serverId>/…` and `session/<serverId>/…` up to date.
actor UserLeases {
    private let member: RunningMember
    private let book: LoginBook
    private let sessions: SessionBook
    private let links: LinkServer
    private let hostname: String
    private var published: Set<Key> = []
    private let rhythm = Republishing()

    /// As long as the server update's.
    private static let leaseMilliseconds = ServerUpdate.leaseMilliseconds

    init(member: RunningMember, book: LoginBook, sessions: SessionBook, links: LinkServer, hostname: String) {
        self.member = member
        self.book = book
        self.sessions = sessions
        self.links = links
        self.hostname = hostname
    }

    /// Asks for an update soon; may be called from anywhere.
    nonisolated func changed() { rhythm.changed() }

    /// Publishes until cancelled.
    func run() async {
        let member = member
        await rhythm.run(every: { await member.configuration.settings.updateInterval }) { await self.publish() }
    }

    private func publish() async {
        await book.endExpired(await member.configuration.settings.logins)
        var values: [Key: JSONValue] = [:]
        for login in await book.all {
            let key = Key(checked: Array("login/\(member.serverID)/\(login.id)".utf8))
            values[key] = login.lease(serverID: member.serverID, hasLink: links.isConnected(login.uid))
        }
        for session in await sessions.all {
            let key = Key(checked: Array("session/\(member.serverID)/\(session.id)".utf8))
            values[key] = session.document(serverID: member.serverID, hostname: hostname)
        }
        var writes = values.map { key, value in
            LocalWrite(
                key: key,
                change: .put(Array(value.canonicalText.utf8), leaseMilliseconds: Self.leaseMilliseconds))
        }
        let gone = published.subtracting(values.keys)
        writes += gone.map { LocalWrite(key: $0, change: .delete) }
        guard !writes.isEmpty else { return }
        do throws(StoreError) {
            _ = try await member.store.write(writes)
            published = Set(values.keys)
        } catch {
            member.logger.error("logins and sessions were not published: \(error)")
        }
    }
}
