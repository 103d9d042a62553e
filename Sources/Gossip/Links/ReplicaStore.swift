// What the gossip layer needs of the map's store, whichever store that is.
package import Replica

/// The map, as the gossip layer works on it. Answers come from committed state only.
package protocol ReplicaStore: Sendable {
    /// Count, fingerprint and first symbols of a part of the last committed state.
    func summary(of extent: Extent) throws -> MapSummary

    /// Merges entries received over a link, in the order of the calls. The completion is called, on any thread, once
    /// they are committed or have failed. How much is under way at once is bounded by the links' credit.
    func merge(
        _ batch: EntryBatch, scope: WriteScope, from link: LinkID,
        completion: @escaping @Sendable (Result<MergeReceipt, any Error>) -> Void)

    /// The summary of a part of a fresh state with as many symbols as asked for, by a scan.
    func sketch(symbolCount: Int, of extent: Extent) async throws -> MapSummary

    /// The keys of those item ids that are in the map, by a scan.
    func keys(ofItemIDs itemIDs: [UInt64]) async throws -> [Key]

    /// Entries of the first keys, as many as fit but at least one key's; how many keys that were.
    func entries(of keys: [Key], byteCountMax: Int) async throws -> (batch: EntryBatch, keyCount: Int)

    /// The next part of the map in key order, after a key (empty: from the beginning).
    func chunk(after key: [UInt8], byteCountMax: Int) async throws -> MapChunk

    /// Every committed change from the call on. The sequence never ends before the store is closed.
    func changes() -> any AsyncSequence<StoreChange, Never> & Sendable
}

/// What came of a merge.
package struct MergeReceipt: Sendable {
    /// Entries not taken, each with its reason.
    package var refused: [RefusedEntry]

    package init(refused: [RefusedEntry]) { self.refused = refused }
}

/// A part of the map in key order.
package struct MapChunk: Sendable {
    /// In the order of the keys; may be empty.
    package var batch: EntryBatch
    /// The key up to which the part is complete; empty at the end.
    package var last: [UInt8]
    /// Whether the map has nothing after it.
    package var isEnd: Bool

    package init(batch: EntryBatch, last: [UInt8], isEnd: Bool) {
        self.batch = batch
        self.last = last
        self.isEnd = isEnd
    }
}

/// A change of the map.
package enum StoreChange: Sendable {
    /// Entries written here, or merged from a link.
    case committed(EntryBatch, from: LinkID?)
    /// Entries that left the map because their time was over.
    case expired(EntryBatch)
    /// Changes were missed, because they came faster than they were taken.
    case missed
}
