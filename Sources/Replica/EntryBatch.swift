// Many entries in one run of bytes: what goes over the wire, and what a commit announces.

/// Entries in encoded form, one after the other, in one allocation.
package struct EntryBatch: Sendable {
    /// All entries as they are sent and hashed: header, key and value of each, nothing between them.
    package private(set) var bytes: [UInt8]
    /// How many entries there are.
    package private(set) var count: Int

    /// No entries.
    package init() {
        bytes = []
        count = 0
    }

    /// Encodes entries in the order given.
    package init(_ entries: some Sequence<Entry>) {
        self.init()
        for entry in entries { append(entry) }
    }

    /// Takes over bytes that came from elsewhere, after checking that entries fill them exactly.
    package init(validating bytes: [UInt8]) throws(ReplicaError) {
        let span = unsafe bytes.span.bytes
        var offset = 0
        var count = 0
        while offset < span.byteCount {
            guard span.byteCount - offset >= EntryHeader.byteCount else {
                throw .batch(offset: offset, "a header of \(EntryHeader.byteCount) bytes is cut off")
            }
            let header = EntryHeader(encoded: span.extracting(offset..<(offset + EntryHeader.byteCount)))
            guard header.valueByteCount <= Entry.valueByteCountMax else { throw .valueLength(header.valueByteCount) }
            guard header.keyByteCount > 0, header.keyByteCount <= Key.byteCountMax else {
                throw .keyLength(header.keyByteCount)
            }
            guard span.byteCount - offset >= header.encodedByteCount else {
                throw .batch(offset: offset, "an entry of \(header.encodedByteCount) bytes is cut off")
            }
            offset += header.encodedByteCount
            count += 1
        }
        self.bytes = bytes
        self.count = count
    }

    /// Whether there are no entries.
    package var isEmpty: Bool { count == 0 }
    /// What the entries cost of a link's credit.
    package var byteCount: Int { bytes.count }

    /// Makes room for so many bytes in all, so that appending up to there moves nothing.
    package mutating func reserve(byteCount: Int) { bytes.reserveCapacity(byteCount) }

    /// Begins anew; the memory may be kept for what comes next.
    package mutating func removeAll(keepingCapacity: Bool) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
        count = 0
    }

    /// Encodes an entry and appends it.
    package mutating func append(_ entry: Entry) {
        unsafe append(entry.header, key: entry.key.bytes.span.bytes, value: entry.value.span.bytes)
    }

    /// Appends an entry from its parts and returns the range of its encoded form.
    @discardableResult
    package mutating func append(_ header: EntryHeader, key: RawSpan, value: RawSpan) -> Range<Int> {
        let start = bytes.count
        var fixed = header.encoded
        unsafe withUnsafeBytes(of: &fixed) { unsafe bytes.append(contentsOf: $0) }
        unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        unsafe value.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        count += 1
        return start..<bytes.count
    }

    /// Appends an entry that is encoded already.
    package mutating func append(encoded entry: RawSpan) {
        unsafe entry.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        count += 1
    }

    /// Takes back the entry appended last, which began at an offset.
    package mutating func removeLast(from offset: Int) {
        bytes.removeSubrange(offset...)
        count -= 1
    }

    /// Calls the closure for each entry with its header, key, value and whole encoded form.
    package func forEach<Failure: Error>(
        _ body: (EntryHeader, _ key: RawSpan, _ value: RawSpan, _ encoded: RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        let span = unsafe bytes.span.bytes
        var offset = 0
        while offset < span.byteCount {
            let rest = span.extracting(offset..<span.byteCount)
            let header = EntryHeader(encoded: rest)
            let valueStart = EntryHeader.byteCount + header.keyByteCount
            try body(
                header, rest.extracting(EntryHeader.byteCount..<valueStart),
                rest.extracting(valueStart..<header.encodedByteCount), rest.extracting(0..<header.encodedByteCount))
            offset += header.encodedByteCount
        }
    }

    /// Whether an audit entry is among them. All keys were checked before.
    package var hasAudit: Bool {
        let span = unsafe bytes.span.bytes
        var offset = 0
        while offset < span.byteCount {
            let header = EntryHeader(encoded: span.extracting(offset..<span.byteCount))
            let keyStart = offset + EntryHeader.byteCount
            if KeyClass.isAudit(span.extracting(keyStart..<(keyStart + header.keyByteCount))) { return true }
            offset += header.encodedByteCount
        }
        return false
    }

    /// The entries but those of audit, in their order.
    package var withoutAudit: EntryBatch {
        guard hasAudit else { return self }
        var rest = EntryBatch()
        forEach { (_, key, _, encoded) in
            if !KeyClass.isAudit(key) { rest.append(encoded: encoded) }
        }
        return rest
    }

    /// Each entry on its own; for tests and for paths that are not hot.
    package var entries: [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        forEach { header, key, value, _ in
            entries.append(
                Entry(
                    key: Key(checked: key.copy()), kind: header.kind, version: header.version, expiry: header.expiry,
                    value: value.copy()))
        }
        return entries
    }
}
