// Clocks: how writes are stamped, whatever the wall clock does.
import Replica
import Testing

@Suite("Stamps")
struct StampTests {
    private let origin = Origin(raw: 5)

    @Test("A write of a new key is stamped with the wall clock")
    func fresh() {
        let version = Version.stamp(now: testNow, origin: origin, replacing: nil)
        #expect(version.clock.time == testNow && version.clock.counter == 0 && version.origin == origin)
    }

    @Test("A second write in the same millisecond is stamped just past the first")
    func sameMillisecond() {
        let first = Version.stamp(now: testNow, origin: origin, replacing: nil)
        let second = Version.stamp(now: testNow, origin: origin, replacing: first.clock)
        #expect(second > first)
        #expect(second.clock.time == testNow && second.clock.counter == 1)
    }

    @Test("A write over an entry that is ahead is stamped just past it")
    func ahead() {
        let ahead = Clock(testNow.advanced(byMilliseconds: 30_000))
        #expect(Version.stamp(now: testNow, origin: origin, replacing: ahead).clock == ahead.successor)
    }

    @Test("A write over an older entry is stamped with the wall clock")
    func older() {
        let old = Clock(WallTime(milliseconds: 1_000))
        #expect(Version.stamp(now: testNow, origin: origin, replacing: old).clock == Clock(testNow))
    }

    @Test("Writes of one key rise for ever, however the wall clock steps", arguments: 0..<50 as Range<UInt64>)
    func steps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var last: Version?
        for _ in 0..<200 {
            let now = WallTime(milliseconds: testNow.milliseconds + UInt64.random(in: 0..<5_000, using: &random))
            let next = Version.stamp(now: now, origin: origin, replacing: last?.clock)
            if let last { #expect(next > last, "seed \(seed)") }
            #expect(next.clock.time >= now, "seed \(seed)")
            last = next
        }
    }

    @Test("What is received under one key never moves the stamps of another")
    func unmoved() throws {
        let ahead = Entry(key: try Key("config/a"), version: makeVersion(59_000))
        #expect(refusal(ahead) == nil)
        let write = LocalWrite(key: try Key("config/b"), change: .delete)
        #expect(write.entry(now: testNow, origin: origin, replacing: nil).version.clock == Clock(testNow))
    }

    @Test("The counter overflows into the milliseconds, and the end of time stays the end")
    func overflow() {
        let full = Clock(raw: testNow.milliseconds << 16 | 0xFFFF)
        #expect(full.successor.time.milliseconds == testNow.milliseconds + 1)
        #expect(Clock(raw: .max).successor == Clock(raw: .max))
        #expect(WallTime(milliseconds: .max).advanced(byMilliseconds: 1).milliseconds == .max)
        #expect(Clock(WallTime(milliseconds: .max)).time.milliseconds == (1 << 48) - 1)
        #expect(WallTime(milliseconds: 0).millisecondsSince(WallTime(milliseconds: .max)) == .min)
    }
}
