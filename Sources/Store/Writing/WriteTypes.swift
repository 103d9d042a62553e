// What writers get back.
package import Replica

/// What became of one local write.
package struct WriteReceipt: Sendable, Hashable {
    /// What the write was stamped with at its commit; what a conditional write may expect next.
    package let version: Version
    /// That of the entry as it was stored.
    package let digest: Digest
    /// Whether the key had a value before, neither deleted nor expired.
    package let hadValue: Bool
    /// Of the entry that was replaced, also of one that was deleted or had expired; nil where there was none.
    package let replaced: Version?
}

/// What became of a received batch.
package struct MergeOutcome: Sendable {
    /// One entry that was not taken.
    package struct Refused: Sendable, Hashable {
        /// As it was received; it need not be a valid key.
        package let key: [UInt8]
        /// Of the entry refused.
        package let digest: Digest
        /// The first rule that the entry breaks.
        package let refusal: Refusal
        /// When the reason ceases, or nil for never.
        package let lapses: WallTime?

        /// An entry that the store, or whoever stands in for it, has refused.
        package init(key: [UInt8], digest: Digest, refusal: Refusal, lapses: WallTime?) {
            self.key = key
            self.digest = digest
            self.refusal = refusal
            self.lapses = lapses
        }
    }

    /// Entries that changed the map.
    package internal(set) var changedCount = 0
    /// Entries that may not be taken, in the order of the batch. Those that lost against newer ones are not among them.
    package internal(set) var refused: [Refused] = []
    /// Keys that came with a version seen before but another digest: corruption, or a cloned host.
    package internal(set) var sameVersionDifferentDigest: [Key] = []

    /// Nothing has changed and nothing was refused.
    package init() {}
}
