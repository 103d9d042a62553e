// Seeded randomness and makers of keys and entries for the tests of Replica.
import Foundation
import Replica

/// SplitMix64: the same seed gives the same run.
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// When the tests take place.
let testNow = WallTime(milliseconds: 1_700_000_000_000)

func makeVersion(_ milliseconds: Int64 = 0, counter: UInt16 = 0, origin: UInt64 = 1) -> Version {
    let time = UInt64(Int64(testNow.milliseconds) + milliseconds)
    return Version(clock: Clock(raw: time << 16 | UInt64(counter)), origin: Origin(raw: origin))
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
}

/// The reason to refuse an entry at a moment, or nil.
func refusal(_ entry: Entry, at now: WallTime = testNow, scope: WriteScope = .everything) -> Refusal? {
    unsafe Admission(now: now, scope: scope).refusal(entry.header, key: entry.key.bytes.span.bytes)
}

/// An entry of few possible keys, times and values, so that they meet often.
func makeRandomEntry(using random: inout SplitMix64) throws -> Entry {
    let kind: EntryKind = Int.random(in: 0..<4, using: &random) == 0 ? .tombstone : .value
    return Entry(
        key: try Key("config/\(Int.random(in: 0..<3, using: &random))"), kind: kind,
        version: makeVersion(
            Int64.random(in: 0..<3, using: &random), counter: UInt16.random(in: 0..<2, using: &random),
            origin: UInt64.random(in: 0..<3, using: &random)),
        value: kind == .value ? [UInt8.random(in: 0..<3, using: &random)] : [])
}
