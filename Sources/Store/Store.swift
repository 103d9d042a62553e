// The durable home of a member's map: opening, closing, and what is known of its state.
package import Replica

/// The store. Reads run in parallel on snapshots; one thread writes, committing whatever has queued at once.
///
/// A write that was answered without an error is on the disk.
package final class Store: Sendable {
    let location: StoreLocation
    let gate: Gate
    let publisher: Publisher
    let writer: Writer
    let readers: ReaderPool
    let scans: SharedScans
    let clock: @Sendable () -> WallTime

    /// Opens the store in a directory, which is made where there is none, and scans it once: a million entries take
    /// about half a second, blocking.
    ///
    /// - Parameters:
    ///   - origin: Drawn anew at every start of the process; the origin of what is written here.
    ///   - clock: The wall clock.
    package static func open(
        directory: String, options: StoreOptions = StoreOptions(), origin: Origin,
        clock: @escaping @Sendable () -> WallTime
    ) throws(StoreError) -> Store {
        try FileCalls.makeDirectory(directory)
        let lock = try StoreLock(directory: directory)
        let location = StoreLocation(directory: directory, options: options, created: clock())
        let environment = try location.openEnvironment()
        let derived = try location.readDerivedState(environment)
        return try Store(location, lock, environment, derived, origin: origin, clock: clock)
    }

    private init(
        _ location: StoreLocation, _ lock: consuming StoreLock, _ environment: Environment, _ derived: DerivedState,
        origin: Origin, clock: @escaping @Sendable () -> WallTime
    ) throws(StoreError) {
        let gate = Gate(environment)
        let publisher = Publisher(derived)
        let readers = try ReaderPool(
            threadCount: location.options.readerThreadCount, queuedCountMax: location.options.queuedReadCountMax)
        let writer = Writer(
            gate: gate, publisher: publisher, derived: derived, location: location, lock: lock, origin: origin,
            clock: clock)
        do {
            try WorkerThread.start("store-write") { writer.run() }
        } catch {
            readers.close()
            throw error
        }
        self.location = location
        self.gate = gate
        self.publisher = publisher
        self.readers = readers
        self.writer = writer
        self.clock = clock
        scans = SharedScans(gate: gate, pool: readers)
    }

    /// A store that is let go without `close` closes after the writes that have queued, without waiting for it.
    deinit { beginClosing() }

    /// Waits for the writes that have queued and the reads that are running, then closes. Later calls give `closed`.
    @available(*, noasync, message: "blocks; await close() instead")
    package func close() {
        beginClosing()
        readers.waitUntilDone()
        writer.waitUntilDone()
    }

    /// Waits for the writes that have queued and the reads that are running, then closes. Later calls give `closed`.
    package func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            writer.whenDone { done.resume() }
            beginClosing()
        }
    }

    private func beginClosing() {
        readers.close()
        writer.queue.close()
    }

    /// Count, fingerprint and first coded symbols of the map after the last commit.
    package var summary: MapSummary { publisher.summaries.whole }

    /// The same of the map without its audit entries, which do not go over every link.
    package var summaryWithoutAudit: MapSummary {
        let summaries = publisher.summaries
        return summaries.whole.removing(summaries.audit)
    }

    /// A time before which no entry is to be purged; nil where none ever is.
    package var nextPurge: WallTime? { publisher.nextPurge }

    /// Numbers of this moment, though not all of one commit. Asks the file system for the size; may be called anywhere.
    package var statistics: StoreStatistics {
        let counters = publisher.counters
        let depth = writer.queue.depth
        return StoreStatistics(
            valueCount: counters.valueCount, tombstoneCount: counters.tombstoneCount,
            fileByteCount: (try? FileCalls.byteCount(location.dataPath)) ?? 0, commitCount: counters.commitCount,
            reopenCount: counters.reopenCount, queuedWriteCount: depth.queuedCount,
            queuedByteCount: depth.queuedByteCount, waitingWriteCount: depth.waitingCount,
            readerCount: gate.readerCount)
    }

    /// The changes committed from now on.
    ///
    /// - Parameter bufferedByteCountMax: Where more than this waits for the subscriber, all of it is dropped and the
    ///   subscriber is told to rescan. The writer never waits.
    package func subscribe(bufferedByteCountMax: Int = ChangeFeed.bufferedByteCountMax) -> ChangeFeed {
        publisher.subscribe(byteCountMax: bufferedByteCountMax)
    }
}

/// The store in numbers.
package struct StoreStatistics: Sendable, Hashable {
    /// Entries that have a value, expired ones that are not yet purged included.
    package let valueCount: Int
    /// Entries that say that their key was deleted.
    package let tombstoneCount: Int
    /// Size of the data file; 0 where it cannot be read.
    package let fileByteCount: Int
    /// Transactions committed since the store was opened.
    package let commitCount: UInt64
    /// How often the environment was opened again after a failure.
    package let reopenCount: UInt64
    /// Writes in the queue, and their bytes.
    package let queuedWriteCount: Int
    /// Bytes of the writes in the queue.
    package let queuedByteCount: Int
    /// Writes that wait for room in the queue.
    package let waitingWriteCount: Int
    /// Reads that are running.
    package let readerCount: Int
}
