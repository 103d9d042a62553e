// Clocks: how writes are stamped, whatever the wall clock does.
import Replica
import Testing

@Suite("Stamps")
struct StampTests {
    private var versions = VersionSource(origin: Origin(raw: 5))

    @Test("A write of a new key is stamped with the wall clock")
    mutating func fresh() {
        let version = versions.next(now: testNow, replacing: nil)
        #expect(version.clock == Clock(testNow) && version.origin == Origin(raw: 5))
    }

    @Test("A second write in the same millisecond is stamped past the first")
    mutating func sameMillisecond() {
        let first = versions.next(now: testNow, replacing: nil)
        let second = versions.next(now: testNow, replacing: first.clock)
        #expect(second > first)
        #expect(second.clock.time == testNow)
    }

    @Test("A write over an entry that is ahead is stamped past it, by a millisecond at the most")
    mutating func ahead() {
        for counter: UInt16 in [0, 1, 2, 40_000, .max] {
            let ahead = Clock(testNow.advanced(byMilliseconds: 30_000), counter: counter)
            let clock = versions.next(now: testNow, replacing: ahead).clock
            #expect(clock > ahead)
            #expect(clock.raw - ahead.raw <= 1 << 16)
        }
    }

    @Test("A write over an older entry is stamped with the wall clock")
    mutating func older() {
        let old = Clock(WallTime(milliseconds: 1_000), counter: .max)
        #expect(versions.next(now: testNow, replacing: old).clock == Clock(testNow))
    }

    @Test("Writes of one key rise for ever, however the wall clock steps", arguments: 0..<50 as Range<UInt64>)
    mutating func steps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var last: Version?
        for _ in 0..<200 {
            let now = WallTime(milliseconds: testNow.milliseconds + UInt64.random(in: 0..<5_000, using: &random))
            let next = versions.next(now: now, replacing: last?.clock)
            if let last { #expect(next > last, "seed \(seed)") }
            #expect(next.clock.time >= now, "seed \(seed)")
            last = next
        }
    }

    @Test(
        "No version is given out twice, however often the clock is set back and an entry lost",
        arguments: 0..<50 as Range<UInt64>)
    mutating func unique(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let foreign = Clock(testNow.advanced(byMilliseconds: 2), counter: 7)
        var given: Set<Version> = []
        for number in 0..<5_000 {
            let now = WallTime(milliseconds: testNow.milliseconds + UInt64.random(in: 0..<4, using: &random))
            let replaced = [nil, foreign, given.randomElement(using: &random)?.clock][
                Int.random(in: 0..<3, using: &random)]
            given.insert(versions.next(now: now, replacing: replaced))
            #expect(given.count == number + 1, "seed \(seed)")
        }
    }

    @Test("A hot key ahead of the clock moves a millisecond in 65,536 writes, not more")
    mutating func hot() {
        let ahead = Clock(testNow.advanced(byMilliseconds: 30_000))
        var last = ahead
        for _ in 0..<65_536 { last = versions.next(now: testNow, replacing: last).clock }
        #expect(last.time.millisecondsSince(ahead.time) <= 1)
    }

    @Test("What is received under one key never moves the stamps of another")
    mutating func unmoved() throws {
        let ahead = Entry(key: try Key("config/a"), version: makeVersion(59_000))
        #expect(refusal(ahead) == nil)
        #expect(versions.next(now: testNow, replacing: nil).clock.time == testNow)
    }

    @Test("The counter overflows into the milliseconds, and the end of time stays the end")
    mutating func overflow() {
        let full = Clock(testNow, counter: .max)
        #expect(versions.next(now: testNow, replacing: full).clock.time.milliseconds == testNow.milliseconds + 1)
        let end = WallTime(milliseconds: (1 << 48) - 1)
        #expect(versions.next(now: end, replacing: Clock(raw: .max)).clock.time == end)
        #expect(WallTime(milliseconds: .max).advanced(byMilliseconds: 1).milliseconds == .max)
        #expect(Clock(WallTime(milliseconds: .max)).time.milliseconds == (1 << 48) - 1)
        #expect(WallTime(milliseconds: 0).millisecondsSince(WallTime(milliseconds: .max)) == .min)
    }
}
