// The writing half of the store's interface: each call queues a request and returns after its commit.
package import Replica

extension Store {
    /// Writes in order, in one transaction, each stamped at its commit.
    package func write(_ writes: [LocalWrite]) async throws(StoreError) -> [WriteReceipt] {
        try await write(writes, expecting: [:])
    }

    /// Writes only if each of some keys has the version expected of it, or no value where nil is expected; else
    /// throws `conflict` and writes nothing. A deleted or expired entry counts as no value.
    ///
    /// - Parameter following: What is written in the same transaction because of it, such as a record that it was done.
    package func write(
        _ writes: [LocalWrite], expecting: [Key: Version?], following: Following? = nil
    ) async throws(StoreError) -> [WriteReceipt] {
        var byteCount = 0
        for write in writes {
            byteCount += RecordHeader.byteCount + write.key.bytes.count
            guard case .put(let value, _) = write.change else { continue }
            guard value.count <= Entry.valueByteCountMax else {
                throw .valueLength(key: write.key, byteCount: value.count)
            }
            byteCount += value.count
        }
        return try await perform(byteCount: byteCount) {
            .write(writes, expecting: expecting, following: following, $0)
        }
    }

    /// Merges entries received from elsewhere: each is taken if it is admitted and beats what is stored.
    ///
    /// - Parameters:
    ///   - scope: What the sender may write.
    ///   - source: The link they came over, named in the change feed.
    package func merge(
        _ batch: EntryBatch, scope: WriteScope, source: UInt64, urgency: Urgency = .immediate
    ) async throws(StoreError) -> MergeOutcome {
        let result = await withCheckedContinuation { answer in
            merge(batch, scope: scope, source: source, urgency: urgency) { answer.resume(returning: $0) }
        }
        return try result.get()
    }

    /// The same without waiting: batches are merged in the order of the calls. The completion is called on the
    /// writer's thread and must not block. Whoever calls this bounds how much is under way.
    package func merge(
        _ batch: EntryBatch, scope: WriteScope, source: UInt64, urgency: Urgency = .immediate,
        completion: @escaping MergeCompletion
    ) {
        let received = ReceivedBatch(entries: batch, scope: scope, source: source)
        writer.queue.add(
            WriteRequest(work: .merge(received, completion), byteCount: batch.byteCount, urgency: urgency))
    }

    /// Purges the entries whose time has come, and returns how many there were.
    package func expire() async throws(StoreError) -> Int {
        var count = 0
        while true {
            let progress = try await perform(byteCount: 0) { .expire($0) }
            count += progress.count
            if progress.last == nil { return count }
        }
    }

    /// Gives every entry stamped further ahead of this host's clock than the clock bound a version of this process and
    /// of now, although that is lower, and returns how many there were. For use once the clock was put right.
    package func restampAhead() async throws(StoreError) -> Int {
        var count = 0
        var after: [UInt8]?
        repeat {
            let start = after
            let progress = try await perform(byteCount: 0) { .restamp(after: start, $0) }
            count += progress.count
            after = progress.last
        } while after != nil
        return count
    }

    /// Takes those of some entries out of the map that are not what was stored, so that reconciliation brings them
    /// back from other members; the feeds are not told. Returns how many there were.
    package func discardDamaged(_ keys: [Key]) async throws(StoreError) -> Int {
        try await perform(byteCount: 0) { .discardDamaged(keys, $0) }
    }

    /// Keeps bytes for this member alone.
    package func putLocal(_ key: [UInt8], _ value: [UInt8]) async throws(StoreError) {
        try Self.checkLocalKey(key)
        try await perform(byteCount: key.count + value.count) { .local(.put(key, value), $0) }
    }

    /// Forgets bytes of this member alone; a key that there is not is no error.
    package func deleteLocal(_ key: [UInt8]) async throws(StoreError) {
        try Self.checkLocalKey(key)
        try await perform(byteCount: key.count) { .local(.delete(key), $0) }
    }

    static func checkLocalKey(_ key: [UInt8]) throws(StoreError) {
        guard (1...localKeyByteCountMax).contains(key.count) else { throw .localKeyLength(key.count) }
    }

    private func perform<Value: Sendable>(
        byteCount: Int, _ urgency: Urgency = .immediate, _ work: (Answer<Value>) -> WriteRequest.Work
    ) async throws(StoreError) -> Value {
        let result = await withCheckedContinuation { (answer: Answer<Value>) in
            writer.queue.add(WriteRequest(work: work(answer), byteCount: byteCount, urgency: urgency))
        }
        return try result.get()
    }
}
