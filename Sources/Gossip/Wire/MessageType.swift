// The numbers that tell messages apart on the wire.

import Replica

/// The first byte of every message. Types from 128 on may be ignored by a receiver that does not know them; an
/// unknown type below 128 ends the link.
enum MessageType: UInt8 {
    case hello = 1
    case proof = 2
    case challenge = 3
    case summary = 4
    case symbolRequest = 5
    case symbols = 6
    case want = 7
    case entries = 8
    case streamRequest = 9
    case streamOffer = 10
    case roundEnd = 11
    case nudge = 12
    case refused = 13
    case credit = 14
    case ping = 15
    case pong = 16
    case bye = 17

    static let firstIgnorable: UInt8 = 128
}

/// Signed counts as unsigned numbers with small magnitudes first, in groups of seven bits, lowest first.
enum VariableInteger {
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
    static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
}

extension Message {
    /// The message's name and size, for debug logs; no content.
    package var label: String {
        switch self {
        case .hello(let hello): "hello of \(hello.serverID)"
        case .proof(let proof): "proof of \(proof.keys.count) keys"
        case .challenge(let challenge): "challenge \(challenge.number)"
        case .summary(let summary): "summary of \(summary.count) entries"
        case .symbolRequest(let request): "request for symbols \(request.start) to \(request.end)"
        case .symbols(let symbols): "\(symbols.symbols.count) symbols"
        case .want(let want): "want of \(want.itemIDs.count) entries"
        case .entries(let entries): "\(entries.batch.count) entries (\(entries.purpose))"
        case .streamRequest: "request for a stream"
        case .streamOffer: "offer of a stream"
        case .roundEnd: "end of a round"
        case .nudge: "nudge"
        case .refused(let entries): "\(entries.count) refusals"
        case .credit(let byteCount): "credit of \(byteCount) bytes"
        case .ping: "ping"
        case .pong: "pong"
        case .bye(let bye): "bye: \(bye.reason.slug)"
        }
    }
}
