// When and by which process an entry was written: wall time, clock, origin, and the order of versions.

/// Milliseconds since 1970-01-01T00:00:00Z, by the wall clock of some host.
package struct WallTime: Hashable, Comparable, Sendable {
    /// Since 1970.
    package var milliseconds: UInt64

    /// Of any number: what came from elsewhere may lie ages ahead.
    package init(milliseconds: UInt64) { self.milliseconds = milliseconds }

    /// Whether the left time is earlier.
    package static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }

    /// A later time; stays at the end of time rather than wrapping.
    package func advanced(byMilliseconds count: UInt64) -> WallTime {
        let (sum, overflow) = milliseconds.addingReportingOverflow(count)
        return WallTime(milliseconds: overflow ? .max : sum)
    }

    /// `self - other` in milliseconds; negative when `self` is earlier.
    package func millisecondsSince(_ other: WallTime) -> Int64 {
        Int64(clamping: Int128(milliseconds) - Int128(other.milliseconds))
    }
}

/// An entry's clock: 48 bits of milliseconds, then a 16-bit counter that tells the writes of one process in one
/// millisecond apart.
package struct Clock: Hashable, Comparable, Sendable {
    /// The number that is stored and sent; its order is that of clocks.
    package let raw: UInt64

    /// Of a number that was stored or sent.
    package init(raw: UInt64) { self.raw = raw }

    /// A clock of a millisecond, by default its first. Times past the year 10889 are held to that year.
    package init(_ time: WallTime, counter: UInt16 = 0) {
        raw = min(time.milliseconds, (1 << 48) - 1) << 16 | UInt64(counter)
    }

    /// That of the wall clock of the process that wrote, or a later one where it replaced an entry stamped later.
    package var time: WallTime { WallTime(milliseconds: raw >> 16) }
    /// Tells writes of one millisecond apart. It is no count of them: see `VersionSource`.
    package var counter: UInt16 { UInt16(truncatingIfNeeded: raw) }

    /// By time, then by counter.
    package static func < (left: Clock, right: Clock) -> Bool { left.raw < right.raw }
}

/// 64 random bits drawn at every start of a process, so that a rolled-back disk or a cloned host never issues one
/// version twice.
package struct Origin: Hashable, Comparable, Sendable {
    /// The bits as they are stored and sent.
    package let raw: UInt64
    /// Of bits that were drawn, stored or sent.
    package init(raw: UInt64) { self.raw = raw }
    /// Without a meaning, but every member agrees on it.
    package static func < (left: Origin, right: Origin) -> Bool { left.raw < right.raw }
}

/// When and by which process an entry was written.
package struct Version: Hashable, Comparable, Sendable {
    /// Looked at first.
    package let clock: Clock
    /// Looked at where clocks are equal; tells who wrote.
    package let origin: Origin

    /// Of parts that were stored or sent. This process's own come from `VersionSource`.
    package init(clock: Clock, origin: Origin) {
        self.clock = clock
        self.origin = origin
    }

    /// Whether the left version loses: it is of an earlier clock, or of the lower of two origins with one clock.
    package static func < (left: Version, right: Version) -> Bool {
        (left.clock, left.origin) < (right.clock, right.origin)
    }
}

extension Version {
    /// Clock and origin, 16 hexadecimal digits each: `019a2b3c4d5e0001-1f2e3d4c5b6a7988`. Texts sort as versions do.
    package var text: String { "\(Self.digits(clock.raw))-\(Self.digits(origin.raw))" }

    /// Reads the text of a version; nil where it is none.
    package init?(text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 16 && $0.first != "+" }),
            let clock = UInt64(parts[0], radix: 16), let origin = UInt64(parts[1], radix: 16)
        else { return nil }
        self.init(clock: Clock(raw: clock), origin: Origin(raw: origin))
    }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Gives out the versions of what one process writes, each of them once, whatever its wall clock does.
package struct VersionSource: Sendable {
    /// That of this process.
    package let origin: Origin
    /// How many were given out, modulo 65,536. It is the counter of the next clock, so that two versions can be equal
    /// only 65,536 writes apart: a clock that is set back, or an entry that was lost and replaced a second time, would
    /// otherwise lead to the same clock again.
    private var serial: UInt16 = 0

    /// - Parameter origin: Drawn anew at every start of the process.
    package init(origin: Origin) { self.origin = origin }

    /// The version of a write made now: the lowest with the next counter that is neither before the wall clock nor
    /// before the entry it replaces. Stamps received for other keys never move it, so one wrong clock infects nobody.
    package mutating func next(now: WallTime, replacing replaced: Clock?) -> Version {
        defer { serial &+= 1 }
        let wall = Clock(now)
        guard let replaced, replaced >= wall else { return version(Clock(now, counter: serial)) }
        let sameMillisecond = Clock(replaced.time, counter: serial)
        if sameMillisecond > replaced { return version(sameMillisecond) }
        return version(Clock(replaced.time.advanced(byMilliseconds: 1), counter: serial))
    }

    private func version(_ clock: Clock) -> Version { Version(clock: clock, origin: origin) }
}
