// What writers get back.
package import Replica

/// What became of one local write.
package struct WriteReceipt: Sendable, Hashable {
    package let version: Version
    package let digest: Digest
    /// Whether the key had a value before, neither deleted nor expired.
    package let hadValue: Bool
}

/// What became of a received batch.
package struct MergeOutcome: Sendable {
    /// One entry that was not taken.
    package struct Refused: Sendable, Hashable {
        package let key: [UInt8]
        package let digest: Digest
        package let refusal: Refusal
        /// When the reason ceases, or nil for never.
        package let lapses: WallTime?

        package init(key: [UInt8], digest: Digest, refusal: Refusal, lapses: WallTime?) {
            self.key = key
            self.digest = digest
            self.refusal = refusal
            self.lapses = lapses
        }
    }

    /// Entries that changed the map.
    package internal(set) var changedCount = 0
    package internal(set) var refused: [Refused] = []
    /// Keys that came with a version seen before but another digest: corruption, or a cloned host.
    package internal(set) var sameVersionDifferentDigest: [Key] = []

    package init() {}
}
