// Remembers the ids of accepted tokens until they expire, so that each is accepted once.
import Replica

/// A bounded set of token ids with their expiry times.
struct ReplayCache: Sendable {
    /// A token's name, shortened to a fixed size so that a sender cannot choose how much memory it takes.
    struct ID: Hashable, Sendable {
        private let high: UInt64
        private let low: UInt64

        /// Of the issuer and the id together: two members that pick the same id do not disturb each other.
        init(issuer: ServerID, tokenID: String) {
            // Neither text can hold a space, so the pair has one spelling.
            let digest = Sodium.sha256(Array("\(issuer) \(tokenID)".utf8))
            high = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The most ids held at a time.
    let idCountMax: Int
    private var ids: Set<ID> = []
    private var idsByExpiry: [Int64: [ID]] = [:]
    /// The latest expiry among forgotten ids. A clock set back makes them unexpired again, so tokens up to here are
    /// refused whatever the clock says.
    private(set) var forgottenUntilSeconds = Int64.min

    init(idCountMax: Int) {
        self.idCountMax = idCountMax
    }

    /// How many ids are held, among them expired ones not yet forgotten.
    var count: Int { ids.count }

    /// Whether the id was accepted before.
    func contains(_ id: ID) -> Bool { ids.contains(id) }

    /// Drops every id that expired at or before `nowSeconds`. Tokens live for minutes, so there are few times to walk.
    mutating func forget(expiredAt nowSeconds: Int64) {
        for seconds in idsByExpiry.keys.filter({ $0 <= nowSeconds }) {
            ids.subtract(idsByExpiry.removeValue(forKey: seconds) ?? [])
            forgottenUntilSeconds = max(forgottenUntilSeconds, seconds)
        }
    }

    /// Remembers ids until their expiry times (Unix seconds): all of them, or none if there is no room.
    ///
    /// - Throws: `TrustError.replayCacheFull`.
    mutating func insert(_ entries: [(id: ID, expirySeconds: Int64)]) throws(TrustError) {
        // Not by `subtracting`, which walks through all that are held: a hundred thousand at a thousand requests a second.
        let fresh = Set(entries.map(\.id)).filter { !ids.contains($0) }
        guard ids.count + fresh.count <= idCountMax else { throw .replayCacheFull(countMax: idCountMax) }
        for entry in entries where ids.insert(entry.id).inserted {
            idsByExpiry[entry.expirySeconds, default: []].append(entry.id)
        }
    }
}
