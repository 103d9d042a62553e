// What a simulated member needs of its map's store, whichever store that is.
package import Gossip
package import Replica

/// Why an entry of a map changed.
package enum ChangeCause: Sendable, Hashable {
    case local
    case link
    case expiry
    case restamp
}

/// One key's entry became another one.
package struct MapChange {
    package let cause: ChangeCause
    package let keyNumber: Int32
    /// The entry before, or nil where the key was new.
    package let old: EntryNumber?
    /// The entry from now on, or nil where it was purged.
    package let new: EntryNumber?
}

/// What came of a merge.
package struct Merged {
    package var changed = EntryBatch()
    package var refused: [RefusedEntry] = []
    /// Keys of which one version came with two contents.
    package var sameVersionDifferentDigest: [Key] = []

    package init() {}
}

/// A member's map. Every call is carried out at once and whole, or throws and changes nothing.
package protocol SimulatedStore: AnyObject {
    /// Called after every change of the map, entry by entry.
    var onChange: ((MapChange) -> Void)? { get set }

    var count: Int { get }
    var fingerprint: Fingerprint { get }
    /// Count and fingerprint of what goes over every link.
    var withoutAudit: (count: Int, fingerprint: Fingerprint) { get }
    /// Count, fingerprint and the first symbols of the map.
    var summary: MapSummary { get }
    /// No entry is to be purged before this time.
    var nextPurge: WallTime? { get }
    /// The entry of a key, a tombstone or one that has expired included.
    subscript(key: Key) -> Entry? { get }

    /// Stamps and writes, and returns the entries as they are now.
    func write(_ writes: [LocalWrite], now: WallTime, origin: Origin) throws -> [Entry]
    func merge(_ batch: EntryBatch, now: WallTime, scope: WriteScope) throws -> Merged
    /// Takes out what is to be purged and returns it.
    func expire(now: WallTime) throws -> EntryBatch
    /// Stamps anew what is ahead of the clock bound, and returns it as it is now.
    func restampAhead(now: WallTime, origin: Origin) throws -> EntryBatch

    func summary(of extent: Extent) throws -> MapSummary
    func sketch(symbolCount: Int, of extent: Extent) throws -> MapSummary
    func resolve(_ itemIDs: [UInt64]) throws -> [Key]
    func read(_ keys: [Key], byteCountMax: Int) throws -> (batch: EntryBatch, keyCount: Int)
    func chunk(after: [UInt8], byteCountMax: Int) throws -> MapChunk

    /// Lets go of what a process holds of it, because the process ends.
    func close()

    /// Calls the closure with the number of every entry, in key order.
    func forEach(_ body: (EntryNumber) -> Void)
}

extension SimulatedStore {
    package func close() {}

    /// Every entry in key order, encoded: equal maps give equal bytes.
    package func encoded(_ pool: EntryPool) -> [UInt8] {
        var batch = EntryBatch()
        forEach { number in unsafe batch.append(encoded: pool[number].encoded.span.bytes) }
        return batch.bytes
    }
}
