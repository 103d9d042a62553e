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
    case streamOffer(round: UInt32)
    case roundEnd(RoundEnd)
    case nudge
    case refused([RefusedEntry])
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
    package var version: UInt16 = Message.version
    package var versionMin: UInt16 = Message.versionMin
    package var serverID: ServerID
    package var origin: Origin
    /// 32 random bytes, fresh for this link.
    package var nonce: [UInt8]
    package var wallTime: WallTime
    /// How many bytes of entries and symbols the sender of this message takes before it grants more.
    package var credit: UInt32
    package var isExternal: Bool
    /// Program and version, for people.
    package var software: String
    /// The message as it came over the wire, with whatever a later version put in it; empty for one made here.
    package var received: [UInt8] = []

    package static let nonceByteCount = 32
}

/// Proofs of the sender's cluster keys over what both ends saw of the link.
package struct Proof: Sendable, Equatable {
    package struct KeyProof: Sendable, Equatable {
        package let keyID: KeyID
        /// 32 bytes.
        package let code: [UInt8]
    }
    /// The challenge answered; 0 for the one that the hello stands for.
    package var challenge: UInt32
    package var keys: [KeyProof]

    package static let keyCountMax = 8
}

/// Asks for new proofs, after a change of the sender's keys.
package struct Challenge: Sendable, Equatable {
    package var number: UInt32
    /// 32 random bytes.
    package var nonce: [UInt8]
    /// The keys that the sender has now.
    package var keyIDs: [KeyID]
}

/// A member's whole map in 24 bytes, at the committed state that a reconciliation works on.
package struct Summary: Sendable, Equatable {
    package var round: UInt32
    package var count: UInt64
    package var fingerprint: Fingerprint
}

/// Asks for coded symbols `start..<end`. When `isFresh`, both sides make them anew, from symbol 0, by a scan.
package struct SymbolRequest: Sendable, Equatable {
    package var round: UInt32
    package var start: UInt32
    package var end: UInt32
    package var isFresh: Bool
}

/// Coded symbols from `start` on, of a map with `mapCount` entries.
package struct Symbols: Sendable, Equatable {
    package var round: UInt32
    package var start: UInt32
    package var mapCount: UInt64
    package var symbols: [CodedSymbol]
}

/// Asks for the entries with these item ids.
package struct Want: Sendable, Equatable {
    package var round: UInt32
    package var itemIDs: [UInt64]
}

/// Entries: a live change, an answer within a round, or the next part of a stream.
package struct Entries: Sendable {
    package enum Purpose: UInt8, Sendable {
        case live = 0
        case round = 1
        case stream = 2
        /// The last part of a stream.
        case streamEnd = 3
    }
    package var purpose: Purpose
    package var round: UInt32
    /// In a stream: the last key up to which the stream is complete; empty in the last part.
    package var position: [UInt8]
    package var batch: EntryBatch
}

/// Asks for the whole map in key order, from after a key.
package struct StreamRequest: Sendable, Equatable {
    package var round: UInt32
    /// Empty for the beginning.
    package var after: [UInt8]
}

/// The sender has nothing more to send in this round.
package struct RoundEnd: Sendable, Equatable {
    package var round: UInt32
    package var differenceCount: UInt32
    package var roundTripCount: UInt8
}

/// An entry that was not taken.
package struct RefusedEntry: Sendable, Equatable {
    package var key: [UInt8]
    package var digest: Digest
    package var refusal: Refusal
    /// When the reason lapses; nil for as long as the link lasts.
    package var lapses: WallTime?

    package static let countMax = 1_024

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
    package var token: UInt64
    /// The sender's wall clock.
    package var wallTime: WallTime
}

/// The last message of a link.
package struct Bye: Sendable, Equatable {
    package var reason: CloseReason
    /// For people, in plain English.
    package var detail: String
}

/// Why a link ends.
package enum CloseReason: UInt8, Sendable, CaseIterable {
    case shutdown = 1
    case duplicate = 2
    case ownAddress = 3
    case clone = 4
    case noCommonKey = 5
    case proofFailed = 6
    case protocolVersion = 7
    case protocolError = 8
    case timeout = 9
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
