// The sizes and limits of a store.

/// How a store is opened. The defaults suit every member; tests use smaller sizes.
package struct StoreOptions: Sendable {
    /// Address space reserved for the map, in bytes. It is never resized, because resizing under a reader crashes; the
    /// file itself stays as small as its data.
    package var mapByteCount: Int = 1 << 40
    /// Read transactions at once, over all processes.
    package var readersMax = 512
    /// Writes in the queue; further callers wait until there is room.
    package var queuedWriteCountMax = 4_096
    /// Bytes of writes in the queue; further callers wait until there is room.
    package var queuedByteCountMax = 64 << 20
    /// Bytes taken from the queue into one transaction, unless a single request is longer.
    package var transactionByteCountMax = 16 << 20
    /// How long a relaxed write waits for company.
    package var relaxedDelay: Duration = .milliseconds(250)
    /// Long reads that wait for a reader thread.
    package var queuedReadCountMax = 4_096
    /// Threads for long reads.
    package var readerThreadCount = 2

    /// The defaults.
    package init() {}
}

/// How soon a received batch must be committed.
package enum Urgency: Sendable {
    /// At once, together with whatever has queued.
    case immediate
    /// It may wait for company, `StoreOptions.relaxedDelay` at most.
    case relaxed
}
