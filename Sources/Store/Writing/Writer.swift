// The writer thread: commits whatever has queued, one transaction after the other, and mends the environment.
import Replica

/// Everything that the writer thread uses. Only that thread calls `run`.
final class Writer: @unchecked Sendable {
    let queue: WriteQueue
    private let gate: Gate
    private let publisher: Publisher
    private let location: StoreLocation
    private let clock: @Sendable () -> WallTime
    private let ending = Monitor(Ending())

    private struct Ending {
        var isDone = false
        var callbacks: [@Sendable () -> Void] = []
    }

    // Confined to the writer thread.
    private var lock: StoreLock?
    private var derived: DerivedState
    private var spareChanges = DerivedChanges()
    private var versions: VersionSource

    init(
        gate: Gate, publisher: Publisher, derived: DerivedState, location: StoreLocation,
        lock: consuming StoreLock, origin: Origin, clock: @escaping @Sendable () -> WallTime
    ) {
        queue = WriteQueue(location.options)
        self.gate = gate
        self.publisher = publisher
        self.derived = derived
        self.location = location
        self.lock = consume lock
        versions = VersionSource(origin: origin)
        self.clock = clock
    }

    /// How long the writer waits before it tries again to open an environment that could not be opened: soon enough for
    /// readers, and seldom enough for a disk that has failed.
    private static let reopeningNanoseconds: UInt64 = 2_000_000_000

    /// The thread's work: until the queue is closed and empty.
    func run() {
        while let group = queue.nextGroup(within: gate.environment == nil ? Self.reopeningNanoseconds : nil) {
            if group.isEmpty { reopen() } else { carryOut(group) }
        }
        gate.drain(refusing: .closed)
        publisher.finish()
        lock = nil
        let callbacks = ending.withLock { ending in
            ending.isDone = true
            defer { ending.callbacks.removeAll() }
            return ending.callbacks
        }
        ending.notify()
        for callback in callbacks { callback() }
    }

    /// Blocks until the thread has closed the environment.
    func waitUntilDone() {
        ending.wait { $0.isDone ? .done(()) : .wait }
    }

    /// Calls back once the thread has closed the environment.
    func whenDone(_ callback: @escaping @Sendable () -> Void) {
        let isDone = ending.withLock { ending in
            if !ending.isDone { ending.callbacks.append(callback) }
            return ending.isDone
        }
        if isDone { callback() }
    }

    /// Carries out a group in one transaction. Where that fails, each request is tried on its own, so that none suffers
    /// from another's size.
    private func carryOut(_ group: [WriteRequest]) {
        do {
            try commit(group)
        } catch {
            let environment = gate.environment
            if environment != nil, !error.requiresReopening, group.count > 1 {
                for request in group { carryOut([request]) }
            } else {
                // Before the answers, so that whoever is told of the failure can read again. A full disk, too, can have
                // made LMDB give the environment up.
                if let environment, error.requiresReopening || environment.isGivenUp { reopen() }
                for request in group { request.fail(error) }
            }
        }
    }

    /// Applies requests in order, commits, publishes, and only then answers.
    private func commit(_ group: [WriteRequest]) throws(StoreError) {
        let transaction = try begin()
        spareChanges.removeAll()
        var draft = WriteDraft(now: clock(), versions: versions, changes: spareChanges)
        spareChanges = DerivedChanges()
        defer { spareChanges = draft.changes }
        var replies: [() -> Void] = []
        replies.reserveCapacity(group.count)
        try transaction.withCursor(.entries) { cursor throws(StoreError) in
            for request in group {
                replies.append(try apply(request, transaction, &draft, &cursor))
            }
        }
        try transaction.commit()
        versions = draft.versions
        derived.apply(draft.changes)
        publisher.publish(derived, groups: draft.groups)
        for reply in replies { reply() }
    }

    /// Begins a transaction, opening the environment anew where it cannot be used any more.
    private func begin() throws(StoreError) -> WriteTransaction {
        if let environment = gate.environment {
            do {
                return try environment.beginWrite()
            } catch {
                guard error.requiresReopening else { throw error }
            }
        }
        try openAnew()
        guard let environment = gate.environment else { throw .closed }
        return try environment.beginWrite()
    }

    /// Applies one request. What only that request did wrong is an answer to it and changes nothing; an error thrown
    /// ends the transaction.
    private func apply(
        _ request: WriteRequest, _ transaction: borrowing WriteTransaction, _ draft: inout WriteDraft,
        _ cursor: inout Cursor
    ) throws(StoreError) -> () -> Void {
        let byteCountMax = location.options.transactionByteCountMax
        switch request.work {
        case .write(let writes, let expecting, let following, let answer):
            do {
                let receipts = try LocalWriting.run(writes, expecting: expecting, &draft, &cursor)
                if let following { try Self.follow(following(receipts), transaction, &draft, &cursor) }
                return Self.reply(answer, receipts)
            } catch {
                guard case .conflict = error else { throw error }
                return { answer.resume(returning: .failure(error)) }
            }
        case .merge(let batch, let completion):
            let outcome = try Merging.run(batch, &draft, &cursor)
            return { completion(.success(outcome)) }
        case .expire(let answer):
            let due = derived.nextPurge
            return Self.reply(answer, try Upkeep.expire(due: due, byteCountMax: byteCountMax, &draft, &cursor))
        case .restamp(let after, let answer):
            return Self.reply(
                answer, try Upkeep.restamp(after: after, byteCountMax: byteCountMax, &draft, &cursor))
        case .discardDamaged(let keys, let answer):
            return Self.reply(answer, try Upkeep.discardDamaged(keys, &draft, &cursor))
        case .local(let change, let answer):
            try Self.apply(change, transaction)
            return Self.reply(answer, ())
        }
    }

    private static func follow(
        _ writes: FollowingWrites, _ transaction: borrowing WriteTransaction, _ draft: inout WriteDraft,
        _ cursor: inout Cursor
    ) throws(StoreError) {
        for write in writes.entries {
            guard case .put(let value, _) = write.change, value.count > Entry.valueByteCountMax else { continue }
            throw .valueLength(key: write.key, byteCount: value.count)
        }
        _ = try LocalWriting.run(writes.entries, expecting: [:], &draft, &cursor)
        for change in writes.local {
            try Store.checkLocalKey(change.key)
            try apply(change, transaction)
        }
    }

    private static func reply<Value: Sendable>(_ answer: Answer<Value>, _ value: Value) -> () -> Void {
        { answer.resume(returning: .success(value)) }
    }

    private static func apply(
        _ change: LocalChange, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) {
        try transaction.withCursor(.local) { cursor throws(StoreError) in
            switch change {
            case .put(let key, let value):
                try unsafe cursor.put(key.span.bytes, value: value.span.bytes)
            case .delete(let key):
                if try unsafe cursor.move(to: key.span.bytes) { try cursor.delete() }
            }
        }
    }

    /// After a failed write to disk: waits for the readers inside, then closes and opens the environment.
    private func reopen() {
        do {
            try openAnew()
        } catch {
            // Readers and writers are told why; the next write tries again, or this thread where there is none.
            gate.refuse(error)
        }
    }

    private func openAnew() throws(StoreError) {
        gate.drain(refusing: .reopening)
        do {
            let environment = try location.openEnvironment()
            derived = try location.readDerivedState(environment)
            publisher.replace(derived)
            gate.open(environment)
        } catch {
            gate.refuse(error)
            throw error
        }
    }
}
