// Seeded randomness, keys and small helpers for the tests of Gossip.
import Foundation
import Gossip
import Replica
import SimulatedWorld
import Trust

/// The key of the secret `seed`, `seed + 1`, … of 32 bytes.
func makeKey(_ seed: UInt8 = 0, scope: KeyScope = .full) throws -> ClusterKey {
    try ClusterKey(secret: Secret((0..<32).map { seed &+ UInt8($0) }), scope: scope)
}

func makeRing(_ seeds: UInt8..., scope: KeyScope = .full) throws -> KeyRing {
    try KeyRing(seeds.map { try makeKey($0, scope: scope) })
}

/// When the tests take place.
let startOfTests = startOfTime

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

extension World {
    /// Members `m0`, `m1`, … with one key, each dialling those that the closure names.
    func addMembers(
        _ count: Int, settings: EngineSettings = EngineSettings(), dials: (Int) -> [Int]
    ) throws {
        let ring = try makeRing(0)
        for number in 0..<count { add("m\(number)", ring, settings: settings) }
        for number in 0..<count { self["m\(number)"].setAccessPoints(dials(number).map { "m\($0)" }) }
    }
}
