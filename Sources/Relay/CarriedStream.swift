// A stream of bytes both ways where no connection of its own is to be had: offsets and windows at either end.

/// One end of a carried stream. Every byte has an offset, so that one that comes twice is taken once.
package struct CarriedStream: Sendable {
    /// Bytes that may be under way, one way.
    package static let windowByteCount: UInt64 = 256 << 10
    /// Bytes in one message.
    package static let chunkByteCount = 48 << 10

    /// Bytes that were sent.
    package private(set) var sentCount: UInt64 = 0
    /// Of those, how many the other end has passed on.
    private var confirmedCount: UInt64 = 0
    /// Bytes that came.
    private var takenCount: UInt64 = 0
    /// Of those, how many were passed on here.
    package private(set) var passedCount: UInt64 = 0
    private var announcedCount: UInt64 = 0

    /// Nothing is sent and nothing has come: there is room for a whole window.
    package init() {}

    /// How many bytes may be sent now.
    package var room: Int { Int(Self.windowByteCount - (sentCount - confirmedCount)) }

    /// Counts bytes that are sent now; no more than there is room for. Returns the offset of the first.
    package mutating func send(_ count: Int) -> UInt64 {
        precondition(count <= room)
        defer { sentCount += UInt64(count) }
        return sentCount
    }

    /// Takes what the other end says that it has passed on in all.
    package mutating func confirm(_ count: UInt64) throws(RelayError) {
        guard count <= sentCount else { throw .malformed("more bytes are confirmed than were sent") }
        confirmedCount = max(confirmedCount, count)
    }

    /// Takes bytes that came. Returns those that had not come before.
    package mutating func take(offset: UInt64, _ bytes: [UInt8]) throws(RelayError) -> ArraySlice<UInt8> {
        guard offset <= takenCount else { throw .malformed("bytes of a stream are missing") }
        let (end, overflows) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflows, end <= passedCount + Self.windowByteCount else {
            throw .malformed("a stream holds more bytes than its window")
        }
        guard end > takenCount else { return [] }
        defer { takenCount = end }
        return bytes[Int(takenCount - offset)...]
    }

    /// Counts bytes as passed on. Returns the total where it is time to tell the other end.
    package mutating func passed(_ count: Int) -> UInt64? {
        passedCount += UInt64(count)
        guard passedCount - announcedCount >= Self.windowByteCount / 4 else { return nil }
        announcedCount = passedCount
        return passedCount
    }
}
