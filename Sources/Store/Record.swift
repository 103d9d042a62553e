// The form in which an entry is stored: everything but its key.
//
// 41 bytes, numbers most significant byte first: clock (8), origin (8), expiry in milliseconds or zero (8), digest
// (16), kind (1); then the value. The first 24 bytes are the same as in an encoded entry.
import Replica

/// The fixed part of a stored entry.
struct RecordHeader {
    let version: Version
    let expiry: WallTime?
    let digest: Digest
    let kind: EntryKind

    static let byteCount = 41

    /// Reads the fixed part; nil where the record is too short to have one.
    @inline(__always)
    init?(_ record: RawSpan) {
        guard record.byteCount >= Self.byteCount else { return nil }
        version = Version(
            clock: Clock(raw: record.bigEndian(at: 0, as: UInt64.self)),
            origin: Origin(raw: record.bigEndian(at: 8, as: UInt64.self)))
        let milliseconds = record.bigEndian(at: 16, as: UInt64.self)
        expiry = milliseconds == 0 ? nil : WallTime(milliseconds: milliseconds)
        digest = Self.digest(record)
        kind = EntryKind(rawValue: record.byte(at: 40))
    }

    /// The digest alone; the record has at least 41 bytes.
    @inline(__always)
    static func digest(_ record: RawSpan) -> Digest {
        let upper = record.bigEndian(at: 24, as: UInt64.self)
        let lower = record.bigEndian(at: 32, as: UInt64.self)
        return Digest(value: UInt128(upper) << 64 | UInt128(lower))
    }

    /// Where the value lies in a record that has at least 41 bytes.
    @inline(__always)
    static func valueRange(_ record: RawSpan) -> Range<Int> { byteCount..<record.byteCount }

    /// The header of the entry's encoded form.
    @inline(__always)
    func entryHeader(keyByteCount: Int, recordByteCount: Int) -> EntryHeader {
        EntryHeader(
            keyByteCount: keyByteCount, valueByteCount: recordByteCount - Self.byteCount, kind: kind, version: version,
            expiry: expiry)
    }

    var precedence: Precedence { Precedence(version: version, digest: digest) }

    /// When the entry, which has this key, leaves the map, or nil for never.
    @inline(__always)
    func purgeTime(ofKey key: RawSpan) -> WallTime? { EntryHeader.purgeTime(version.clock, expiry: expiry, ofKey: key) }

    func isExpired(at now: WallTime) -> Bool {
        guard let expiry else { return false }
        return expiry <= now
    }

    /// Whether a reader sees a value here.
    func isLive(at now: WallTime) -> Bool { kind != .tombstone && !isExpired(at: now) }

    /// Fills a record from an entry's encoded form and its digest. The record has `byteCount` plus the value's length.
    @inline(__always)
    static func fill(
        _ record: inout MutableRawSpan, encoded: RawSpan, kind: EntryKind, digest: Digest, value: RawSpan
    ) {
        unsafe record.withUnsafeMutableBytes { output in
            unsafe encoded.withUnsafeBytes { input in
                unsafe output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[7..<31]))
            }
            let upper = UInt64(truncatingIfNeeded: digest.value >> 64).bigEndian
            let lower = UInt64(truncatingIfNeeded: digest.value).bigEndian
            unsafe output.storeBytes(of: upper, toByteOffset: 24, as: UInt64.self)
            unsafe output.storeBytes(of: lower, toByteOffset: 32, as: UInt64.self)
            unsafe output.storeBytes(of: kind.rawValue, toByteOffset: 40, as: UInt8.self)
            unsafe value.withUnsafeBytes { input in
                unsafe UnsafeMutableRawBufferPointer(rebasing: output[byteCount...]).copyMemory(from: input)
            }
        }
    }
}

extension EntryBatch {
    /// Appends a stored entry after computing its digest anew. Returns false, and appends nothing, where the record is
    /// not what was stored.
    mutating func appendVerified(key: RawSpan, record: RawSpan) -> Bool {
        guard let stored = RecordHeader(record), key.byteCount <= Key.byteCountMax,
            record.byteCount - RecordHeader.byteCount <= Entry.valueByteCountMax
        else { return false }
        let header = stored.entryHeader(keyByteCount: key.byteCount, recordByteCount: record.byteCount)
        let range = append(header, key: key, value: record.extracting(RecordHeader.valueRange(record)))
        let digest = unsafe Digest(ofEncoded: bytes.span.bytes.extracting(range))
        if digest == stored.digest { return true }
        removeLast(from: range.lowerBound)
        return false
    }
}
