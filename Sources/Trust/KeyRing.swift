// The cluster keys that a member holds at one time.

/// At most 8 keys with different ids, in the order in which they were given.
package struct KeyRing: Sendable, Equatable {
    /// Enough for a rotation of several keys at once, and as many as one request has tokens.
    package static let keyCountMax = 8

    /// The keys, in the order given.
    package let keys: [ClusterKey]
    /// The ids of the keys of full members.
    package let fullKeyIDs: [KeyID]

    /// A ring without keys, which no other member can join.
    package init() {
        keys = []
        fullKeyIDs = []
    }

    /// - Throws: `TrustError.tooManyKeys`, or `.duplicateKey` when a secret is given twice, even in two scopes.
    package init(_ keys: [ClusterKey]) throws(TrustError) {
        guard keys.count <= Self.keyCountMax else { throw .tooManyKeys(count: keys.count) }
        var known: Set<KeyID> = []
        for key in keys {
            guard known.insert(key.id).inserted else { throw .duplicateKey(key.id) }
        }
        self.keys = keys
        fullKeyIDs = keys.filter { $0.scope == .full }.map(\.id)
    }

    /// The key with this id, if the ring has it.
    package subscript(id: KeyID) -> ClusterKey? {
        keys.first { $0.id == id }
    }

    /// The ids, in the order of the keys.
    package var ids: [KeyID] { keys.map(\.id) }

    /// Whether any key is one of full members.
    package var hasFullKey: Bool { !fullKeyIDs.isEmpty }

    /// Whether there is no key at all.
    package var isEmpty: Bool { keys.isEmpty }
}
