// The reading half of the store's interface.
package import Replica

/// A run of the map in key order.
package struct Chunk: Sendable {
    /// Tombstones and expired entries are among them.
    package let entries: EntryBatch
    /// The last key looked at, from which the next chunk goes on; nil where there was none.
    package let last: Key?
    /// Whether there is nothing after it.
    package let isEnd: Bool
    /// Entries left out because they are not what was stored.
    package let damaged: [Key]

    init(_ snapshot: borrowing Snapshot, after: Key?, byteCountMax: Int) throws(StoreError) {
        var batch = EntryBatch()
        batch.reserve(byteCount: byteCountMax)
        var damaged: [Key] = []
        var last: [UInt8] = []
        var isEnd = true
        try snapshot.forEachRecord(after: after) { key, record in
            let before = batch.byteCount
            if !batch.appendVerified(key: key, record: record) { damaged.append(Key(checked: key.copy())) }
            if batch.byteCount > byteCountMax, batch.count > 1 {
                batch.removeLast(from: before)
                isEnd = false
                return false
            }
            last.removeAll(keepingCapacity: true)
            unsafe key.withUnsafeBytes { unsafe last.append(contentsOf: $0) }
            return true
        }
        entries = batch
        self.last = last.isEmpty ? after : Key(checked: last)
        self.isEnd = isEnd
        self.damaged = damaged
    }
}

extension Store {
    /// Reads a snapshot here and now. For short work: a few keys or a small range.
    package func read<Result>(
        _ body: (borrowing Snapshot) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try gate.read { transaction throws(StoreError) in
            try body(Snapshot(transaction, now: clock()))
        }
    }

    /// Reads a snapshot on a reader thread. For long scans; two run at once, more wait.
    package func readOnReaderThread<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing Snapshot) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        try await onReaderThread { store throws(StoreError) in try store.read(body) }
    }

    /// Runs blocking work on a reader thread.
    func onReaderThread<Value: Sendable>(
        _ work: @escaping @Sendable (Store) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result = await withCheckedContinuation { (answer: Answer<Value>) in
            do throws(StoreError) {
                try readers.submit {
                    do throws(StoreError) {
                        answer.resume(returning: .success(try work(self)))
                    } catch {
                        answer.resume(returning: .failure(error))
                    }
                }
            } catch {
                answer.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// The bytes that this member keeps for itself under a key.
    package func getLocal(_ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try Self.checkLocalKey(key)
        return try gate.read { transaction throws(StoreError) in
            try unsafe transaction.withValue(.local, key.span.bytes) { $0.copy() }
        }
    }

    /// What this member keeps for itself under keys with a prefix, in key order.
    package func scanLocal(prefix: [UInt8] = []) throws(StoreError) -> [(key: [UInt8], value: [UInt8])] {
        try gate.read { transaction throws(StoreError) in
            var found: [(key: [UInt8], value: [UInt8])] = []
            try transaction.forEach(.local, prefix: prefix, after: nil) { key, value in
                found.append((key.copy(), value.copy()))
                return true
            }
            return found
        }
    }

    /// The digests of the entries of some keys, as stored; keys that the map does not have are passed over.
    package func digests(ofKeys keys: [Key]) throws(StoreError) -> [Digest] {
        if keys.isEmpty { return [] }
        return try read { snapshot throws(StoreError) in
            var digests: [Digest] = []
            for key in keys {
                _ = try snapshot.withRecord(of: key) { record in
                    if let header = RecordHeader(record) { digests.append(header.digest) }
                }
            }
            return digests
        }
    }

    /// Entries of the first of some keys, as many as fit, tombstones and expired ones included; keys that the map
    /// does not have are passed over. Digests are computed anew, and what is not what was stored is left out and named.
    ///
    /// - Parameter byteCountMax: How large the batch may get, unless a single entry is larger.
    /// - Returns: How many keys were dealt with, at least one of any.
    package func entries(
        forKeys keys: [Key], byteCountMax: Int = .max
    ) throws(StoreError) -> (batch: EntryBatch, keyCount: Int, damaged: [Key]) {
        try read { snapshot throws(StoreError) in
            var batch = EntryBatch()
            var damaged: [Key] = []
            for (position, key) in keys.enumerated() {
                let before = batch.byteCount
                _ = try snapshot.withRecord(of: key) { record in
                    let isSound = unsafe batch.appendVerified(key: key.bytes.span.bytes, record: record)
                    if !isSound { damaged.append(key) }
                }
                if batch.byteCount > byteCountMax, batch.count > 1 {
                    batch.removeLast(from: before)
                    return (batch, position, damaged)
                }
            }
            return (batch, keys.count, damaged)
        }
    }

    /// The next entries after a key in key order, tombstones and expired ones included, from a fresh snapshot, read on
    /// a reader thread. Digests are computed anew.
    ///
    /// - Parameter byteCountMax: How large the chunk may get, unless a single entry is larger.
    package func chunk(after: Key?, byteCountMax: Int) async throws(StoreError) -> Chunk {
        try await readOnReaderThread { snapshot throws(StoreError) in
            try Chunk(snapshot, after: after, byteCountMax: byteCountMax)
        }
    }

    /// Count, fingerprint and coded symbols of a fresh snapshot.
    ///
    /// - Parameters:
    ///   - symbolCount: The fewest symbols to make. Callers that wait for the same scan share the result, so there may be
    ///     more; the first ones are the same.
    ///   - withAudit: Whether audit entries are counted.
    package func sketch(symbolCount: Int, withAudit: Bool = true) async throws(StoreError) -> MapSummary {
        try await scans.sketch(symbolCount: symbolCount, withAudit: withAudit)
    }

    /// The keys of the entries whose digests begin with some item ids, in key order. Callers share scans.
    package func keys(ofItemIDs itemIDs: Set<UInt64>) async throws(StoreError) -> [Key] {
        try await scans.keys(ofItemIDs: itemIDs)
    }
}
