// Every entry that was ever seen in a world, once: thousands of members then hold thousands of entries in little memory.
package import Replica

/// The number of an entry in a pool.
package typealias EntryNumber = Int32

/// Keys and entries of one world, each kept once and named by a number.
package final class EntryPool {
    /// An entry with what follows from it.
    package struct Pooled {
        package let keyNumber: Int32
        package let kind: EntryKind
        package let precedence: Precedence
        package let expiry: WallTime?
        /// The entry as it goes over the wire.
        package let encoded: [UInt8]
        package let purgeTime: WallTime?
        package let isAudit: Bool

        package var digest: Digest { precedence.digest }
        package var version: Version { precedence.version }
    }

    private var entries: [Pooled] = []
    private(set) var keys: [Key] = []
    /// The entries of each key, in the order in which they were first seen.
    private var entriesOfKey: [[EntryNumber]] = []
    /// Key numbers, each plus one, by hash; zero where there is none. The length is a power of two.
    private var table = [Int32](repeating: 0, count: 256)
    private var order: [Int32] = []

    package init() {}

    package subscript(number: EntryNumber) -> Pooled {
        @inline(__always) _read { yield entries[Int(number)] }
    }

    package var keyCount: Int { keys.count }
    package var entryCount: Int { entries.count }

    package func key(_ number: Int32) -> Key { keys[Int(number)] }

    /// The numbers of all keys, in key order.
    package func orderedKeyNumbers() -> [Int32] {
        if order.count < keys.count {
            order = (0..<Int32(keys.count)).sorted { keys[Int($0)] < keys[Int($1)] }
        }
        return order
    }

    /// The entries of each key number, in the order in which they were first seen.
    package var numbersByKey: [[EntryNumber]] { entriesOfKey }

    package func keyNumber(of key: Key) -> Int32? {
        let number = unsafe table[slot(key.bytes.span.bytes)]
        return number == 0 ? nil : number - 1
    }

    /// The number of an encoded entry, which is added where it is new.
    package func number(ofEncoded encoded: RawSpan, header: EntryHeader) -> EntryNumber {
        let key = encoded.extracting(EntryHeader.byteCount..<(EntryHeader.byteCount + header.keyByteCount))
        let keyNumber = number(ofKey: key)
        // The newest entry of a key is by far the most frequent one.
        for number in entriesOfKey[Int(keyNumber)].reversed() {
            let entry = entries[Int(number)]
            if entry.version == header.version, encoded.equals(entry.encoded) { return number }
        }
        let number = EntryNumber(entries.count)
        let digest = Digest(ofEncoded: encoded)
        entries.append(
            Pooled(
                keyNumber: keyNumber, kind: header.kind,
                precedence: Precedence(version: header.version, digest: digest), expiry: header.expiry,
                encoded: encoded.copy(), purgeTime: header.purgeTime(ofKey: key), isAudit: KeyClass.isAudit(key)))
        entriesOfKey[Int(keyNumber)].append(number)
        return number
    }

    package func number(of entry: Entry) -> EntryNumber {
        let batch = EntryBatch([entry])
        return unsafe number(ofEncoded: batch.bytes.span.bytes, header: entry.header)
    }

    /// The entry on its own.
    package func entry(_ number: EntryNumber) -> Entry {
        let pooled = entries[Int(number)]
        let span = unsafe pooled.encoded.span.bytes
        let header = EntryHeader(encoded: span)
        let valueStart = EntryHeader.byteCount + header.keyByteCount
        return Entry(
            key: keys[Int(pooled.keyNumber)], kind: pooled.kind, version: pooled.version, expiry: pooled.expiry,
            value: span.extracting(valueStart..<span.byteCount).copy())
    }

    private func number(ofKey key: RawSpan) -> Int32 {
        let slot = slot(key)
        if table[slot] != 0 { return table[slot] - 1 }
        let number = Int32(keys.count)
        keys.append(Key(checked: key.copy()))
        entriesOfKey.append([])
        table[slot] = number + 1
        if keys.count * 2 > table.count { growTable() }
        return number
    }

    /// Where a key is in the table, or would be.
    private func slot(_ key: RawSpan) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for offset in 0..<key.byteCount { hash = (hash ^ UInt64(key.byte(at: offset))) &* 0x0000_0100_0000_01B3 }
        var slot = Int(truncatingIfNeeded: hash ^ (hash >> 29)) & (table.count - 1)
        while table[slot] != 0, !key.equals(keys[Int(table[slot] - 1)].bytes) { slot = (slot + 1) & (table.count - 1) }
        return slot
    }

    private func growTable() {
        table = [Int32](repeating: 0, count: table.count * 4)
        for (number, key) in keys.enumerated() {
            let slot = unsafe slot(key.bytes.span.bytes)
            table[slot] = Int32(number) + 1
        }
    }
}

extension RawSpan {
    @inline(__always)
    func equals(_ bytes: [UInt8]) -> Bool {
        guard byteCount == bytes.count else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe bytes.withUnsafeBytes { right in
                var offset = 0
                while offset + 8 <= left.count {
                    let isEqual =
                        unsafe left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                        == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    guard isEqual else { return false }
                    offset += 8
                }
                while offset < left.count {
                    guard unsafe left[offset] == right[offset] else { return false }
                    offset += 1
                }
                return true
            }
        }
    }
}
