// The messages that two members exchange over a link. docs/protocol.md specifies each of them byte by byte.
package import Replica
package import Trust

/// One message of the gossip protocol.
///
/// Entries and symbols cost credit, `creditCost` bytes each; every other message is small and always passes.
package enum Message: Sendable {
    case hello(Hello)
    case proof(Proof)
    case challenge(Challenge)
    case summary(Summary)
    case symbolRequest(SymbolRequest)
    case symbols(Symbols)
    case want(Want)
    case entries(Entries)
    case streamRequest(StreamRequest)
    /// The dialler offers its map as a stream; the acceptor answers with a stream request.
    case streamOffer(round: UInt32)
    case roundEnd(RoundEnd)
    /// The acceptor wants the dialler to begin a round.
    case nudge
    /// Entries of the receiver that were not taken; at most `RefusedEntry.countMax`.
    case refused([RefusedEntry])
    /// The receiver may send so many more bytes of entries and symbols.
    case credit(byteCount: UInt32)
    case ping(Ping)
    case pong(Pong)
    case bye(Bye)

    /// What sending this message costs of the credit that the receiver granted, in bytes.
    package var creditCost: Int {
        switch self {
        case .entries(let entries): entries.batch.byteCount
        case .symbols(let symbols): symbols.symbols.count * 16
        default: 0
        }
    }

    /// The protocol version of this program, and the oldest one that it still speaks.
    package static let version: UInt16 = 1
    /// The oldest version of the protocol that this program still speaks.
    package static let versionMin: UInt16 = 1

    /// The longest message in bytes: the largest entry and room to spare.
    package static let byteCountMax = (1 << 20) + (1 << 16)

    /// How many bytes of entries go into one message, unless a single entry is larger.
    package static let entriesByteCountTarget = 256 << 10

    /// How many symbols go into one message.
    package static let symbolCountMax = 8_192
}

/// The first message in both directions.
package struct Hello: Sendable, Equatable {
    /// The newest version that the sender speaks.
    package var version: UInt16 = Message.version
    /// The oldest version that the sender still speaks.
    package var versionMin: UInt16 = Message.versionMin
    /// The sender's; nothing is known about it before the proof.
    package var serverID: ServerID
    /// That of the sender's process: tells a clone or a restarted member from the one that was linked before.
    package var origin: Origin
    /// 32 random bytes, fresh for this link.
    package var nonce: [UInt8]
    /// The sender's wall clock, at the beginning of the handshake.
    package var wallTime: WallTime
    /// How many bytes of entries and symbols the sender of this message takes before it grants more.
    package var credit: UInt32
    /// Whether other members cannot connect to the sender directly; for people alone.
    package var isExternal: Bool
    /// Whether the sender knows audit entries; a member of an earlier version would refuse them.
    package var knowsAudit: Bool
    /// Program and version, for people.
    package var software: String
    /// The message as it came over the wire, with whatever a later version put in it; empty for one made here.
    package var received: [UInt8] = []

    /// Length of a hello's and of a challenge's nonce.
    package static let nonceByteCount = 32
}

/// Proofs of the sender's cluster keys over what both ends saw of the link.
package struct Proof: Sendable, Equatable {
    /// Proves one key.
    package struct KeyProof: Sendable, Equatable {
        /// Which key; the receiver may not have it.
        package let keyID: KeyID
        /// 32 bytes.
        package let code: [UInt8]
    }
    /// The challenge answered; 0 for the one that the hello stands for.
    package var challenge: UInt32
    /// One for each key that the sender has.
    package var keys: [KeyProof]

    /// How many keys a proof or a challenge has at most; as many as a `KeyRing`.
    package static let keyCountMax = 8
}

/// Asks for new proofs, after a change of the sender's keys.
package struct Challenge: Sendable, Equatable {
    /// From 1 on, one more with each challenge of the sender on this link.
    package var number: UInt32
    /// 32 random bytes.
    package var nonce: [UInt8]
    /// The keys that the sender has now.
    package var keyIDs: [KeyID]
}

/// A member's whole map in 24 bytes, at the committed state that a reconciliation works on.
package struct Summary: Sendable, Equatable {
    /// The dialler's number of the round; the acceptor's answer repeats it.
    package var round: UInt32
    /// Entries, tombstones included; at most 2^32 - 1.
    package var count: UInt64
    /// The sum of the entries' digests, without those of keys that are left out on the link.
    package var fingerprint: Fingerprint
    /// Whether audit entries are counted; false in messages of earlier versions.
    package var withAudit: Bool
}

/// Asks for coded symbols `start..<end`. When `isFresh`, both sides make them anew, from symbol 0, by a scan.
package struct SymbolRequest: Sendable, Equatable {
    /// The round that they are for.
    package var round: UInt32
    /// Index of the first symbol; 0 where they are fresh.
    package var start: UInt32
    /// Index after the last symbol; at most `Sketch.symbolCountMax`.
    package var end: UInt32
    /// Whether the acceptor has to make them by a scan, as the dialler does.
    package var isFresh: Bool
}

/// Coded symbols from `start` on, of a map with `mapCount` entries.
package struct Symbols: Sendable, Equatable {
    /// The round that they are for.
    package var round: UInt32
    /// Index of the first symbol.
    package var start: UInt32
    /// Entries of the map that they are of, by which their counts are shortened on the wire.
    package var mapCount: UInt64
    /// In order, at most `Message.symbolCountMax`.
    package var symbols: [CodedSymbol]
}

/// Asks for the entries with these item ids.
package struct Want: Sendable, Equatable {
    /// The round that found them missing.
    package var round: UInt32
    /// In any order; this program sends at most `Want.itemCountMax`. What the map has no more is passed over.
    package var itemIDs: [UInt64]
}

/// Entries: a live change, an answer within a round, or the next part of a stream.
package struct Entries: Sendable {
    /// What entries were sent for.
    package enum Purpose: UInt8, Sendable {
        /// A change that was just committed.
        case live = 0
        /// An answer to a want, or what the dialler owes in a round.
        case round = 1
        /// A part of a stream with more to come.
        case stream = 2
        /// The last part of a stream.
        case streamEnd = 3
    }
    /// What they were sent for.
    package var purpose: Purpose
    /// That of the round or of the stream request; 0 for live changes.
    package var round: UInt32
    /// In a stream: the last key up to which the stream is complete; empty in the last part.
    package var position: [UInt8]
    /// May be empty, as at the end of a stream.
    package var batch: EntryBatch
}

/// Asks for the whole map in key order, from after a key.
package struct StreamRequest: Sendable, Equatable {
    /// A number by which the parts of the stream are known.
    package var round: UInt32
    /// Empty for the beginning.
    package var after: [UInt8]
}

/// The sender has nothing more to send in this round.
package struct RoundEnd: Sendable, Equatable {
    /// The round that is over for the sender.
    package var round: UInt32
    /// Entries that only one end had; 0 from the acceptor.
    package var differenceCount: UInt32
    /// How often the dialler had to wait, for the acceptor's log; 0 from the acceptor.
    package var roundTripCount: UInt8
}

/// An entry that was not taken.
package struct RefusedEntry: Sendable, Equatable {
    /// As it came, even where it is no valid key.
    package var key: [UInt8]
    /// Of the refused entry, for whoever looks into it: what is left out is the key, whichever entry it has.
    package var digest: Digest
    /// The rule that it breaks at the sender of this message.
    package var refusal: Refusal
    /// When the reason lapses; nil for as long as the link lasts.
    package var lapses: WallTime?

    /// How many go into one message.
    package static let countMax = 1_024

    /// An entry that the sender of this message did not take.
    package init(key: [UInt8], digest: Digest, refusal: Refusal, lapses: WallTime?) {
        self.key = key
        self.digest = digest
        self.refusal = refusal
        self.lapses = lapses
    }
}

/// Measures round trip and clock.
package struct Ping: Sendable, Equatable {
    /// Opaque to the receiver, which returns it.
    package var token: UInt64
}

/// The answer to a ping.
package struct Pong: Sendable, Equatable {
    /// The ping's, unchanged.
    package var token: UInt64
    /// The sender's wall clock.
    package var wallTime: WallTime
}

/// The last message of a link.
package struct Bye: Sendable, Equatable {
    /// The receiver takes it as the reason for the end of the link.
    package var reason: CloseReason
    /// For people, in plain English.
    package var detail: String
}

/// Why a link ends.
package enum CloseReason: UInt8, Sendable, CaseIterable {
    /// The sender stops.
    case shutdown = 1
    /// Another link between the same two processes stays.
    case duplicate = 2
    /// The link leads back to the process that dialled it.
    case ownAddress = 3
    /// Two live processes have one server id.
    case clone = 4
    /// The two ends have no key in common, or none any more.
    case noCommonKey = 5
    /// They have a key in common and no proof of it is right: most often something between them ends TLS.
    case proofFailed = 6
    /// No version of the protocol is spoken at both ends.
    case protocolVersion = 7
    /// A message could not be read, or was not allowed; codes that are not known are taken as this.
    case protocolError = 8
    /// The peer did not answer in time, or a newer process of it took its place.
    case timeout = 9
    /// The access point, its options or the keys changed, or the acceptor has too many links.
    case configuration = 10
    /// The connection broke; never sent.
    case lost = 11

    /// A stable word for programs.
    package var slug: String {
        switch self {
        case .shutdown: "shutdown"
        case .duplicate: "duplicate"
        case .ownAddress: "own-address"
        case .clone: "clone"
        case .noCommonKey: "no-common-key"
        case .proofFailed: "certificate-mismatch"
        case .protocolVersion: "protocol-version"
        case .protocolError: "protocol-error"
        case .timeout: "timeout"
        case .configuration: "configuration"
        case .lost: "lost"
        }
    }
}
