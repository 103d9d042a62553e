// Seeded randomness, keys and small helpers for the tests of Gossip.
import Foundation
import Gossip
import Replica
import Trust

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

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// The key of the secret `seed`, `seed + 1`, … of 32 bytes.
func makeKey(_ seed: UInt8 = 0, scope: KeyScope = .full) throws -> ClusterKey {
    try ClusterKey(secret: Secret((0..<32).map { seed &+ UInt8($0) }), scope: scope)
}

func makeRing(_ seeds: UInt8..., scope: KeyScope = .full) throws -> KeyRing {
    try KeyRing(seeds.map { try makeKey($0, scope: scope) })
}

/// When the tests take place.
let startOfTests = WallTime(milliseconds: 1_700_000_000_000)

func makeEntry(_ key: String, _ value: String = "v", clock: UInt64 = 0, origin: UInt64 = 1) throws -> Entry {
    Entry(
        key: try Key(key),
        version: Version(
            clock: Clock(startOfTests.advanced(byMilliseconds: clock)), origin: Origin(raw: origin)),
        value: Array(value.utf8))
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
}
