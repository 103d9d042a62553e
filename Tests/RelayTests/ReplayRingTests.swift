// What is kept for a link that broke: never more than may be, never with a gap.
import Relay
import TestSupport
import Testing

@Suite("Replay ring")
struct ReplayRingTests {
    @Test("Whatever is added and forgotten, the limits hold and what is given back has no gap", arguments: 1...20)
    func bounds(seed: Int) {
        var random = Seeded(UInt64(seed))
        var ring = ReplayRing(countMax: 20, byteCountMax: 5_000, after: 1 << 32)
        var all: [UInt64: RelayEvent] = [:]
        var confirmed = ring.last
        for _ in 0..<2_000 {
            let bytes = random.bytes(Int.random(in: 0..<800, using: &random))
            let event = RelayEvent.data(stream: "s", offset: UInt64(all.count), bytes: bytes)
            all[ring.append(event)] = event
            if Int.random(in: 0..<5, using: &random) == 0 {
                confirmed = UInt64.random(in: confirmed...ring.last, using: &random)
                ring.forget(upTo: confirmed)
            }
            #expect(ring.count <= 20 && ring.byteCount <= 5_000)
            let asked = ring.last - min(ring.last - (1 << 32), UInt64.random(in: 0...30, using: &random))
            guard let events = ring.events(after: asked) else { continue }
            #expect(events.map(\.number) == Array((asked + 1)..<(ring.last + 1)))
            #expect(events.allSatisfy { all[$0.number] == $0.event })
        }
    }

    @Test("What is not known any more, or never was, is told from nothing")
    func unknown() {
        var ring = ReplayRing(countMax: 2, byteCountMax: 1_000, after: 10)
        #expect(ring.events(after: 10)?.count == 0 && ring.events(after: 9) == nil && ring.events(after: 11) == nil)
        #expect(ring.events(after: .max) == nil)
        for _ in 0..<3 { _ = ring.append(.reset) }
        #expect(ring.events(after: 10) == nil && ring.events(after: 11)?.map(\.number) == [12, 13])
        ring.forget(upTo: .max)
        #expect(ring.count == 0 && ring.byteCount == 0 && ring.events(after: 13)?.count == 0)
        _ = ring.append(.data(stream: "s", offset: 0, bytes: Array(repeating: 0, count: 1_000)))
        #expect(ring.count == 0 && ring.byteCount == 0 && ring.events(after: 13) == nil)
    }

    @Test("After it was cleared nobody has missed nothing")
    func cleared() {
        var ring = ReplayRing(countMax: 10, byteCountMax: 1_000)
        _ = ring.append(.reset)
        ring.clear()
        #expect(ring.events(after: 1) == nil && ring.events(after: 0) == nil && ring.events(after: 2)?.count == 0)
        #expect(ring.append(.drain) == 3 && ring.events(after: 2)?.count == 1)
    }
}
