// Short forms for what tests and checks ask of a member most often.
package import Gossip
package import Replica

extension Member {
    @discardableResult
    package func put(_ key: String, _ value: String = "v", lease: UInt64? = nil) throws -> Entry {
        try write(key, .put(Array(value.utf8), leaseMilliseconds: lease))
    }

    @discardableResult
    package func delete(_ key: String) throws -> Entry { try write(key, .delete) }

    private func write(_ key: String, _ change: LocalWrite.Change) throws -> Entry {
        try write([LocalWrite(key: try Key(key), change: change)])[0]
    }

    /// The value of a key; nil where there is none, or a tombstone.
    package func value(_ key: String) throws -> String? {
        try store[Key(key)].flatMap { $0.isTombstone ? nil : String(decoding: $0.value, as: UTF8.self) }
    }

    /// The store, where the world keeps this member's map in memory.
    package var memory: MemoryStore {
        guard let memory = store as? MemoryStore else { preconditionFailure("\(name) has its map on disk") }
        return memory
    }

    // The engine itself cannot be copied, which the macros of tests would do.
    package var openLinkCount: Int { engine.openLinkCount }
    package var linkStatuses: [LinkStatus] { engine.linkStatuses }
    package var accessPointStatuses: [AccessPointStatus] { engine.accessPointStatuses }
    package var isClockWrong: Bool { engine.isClockWrong }
    package var isPartitionedByGateways: Bool { engine.isPartitionedByGateways }

    package var finishedRounds: [RoundStatistics] {
        reports.compactMap { if case .roundFinished(_, _, let statistics) = $0 { statistics } else { nil } }
    }

    package var downs: [(reason: CloseReason, detail: String)] {
        reports.compactMap { if case .linkDown(_, _, _, let reason, let detail) = $0 { (reason, detail) } else { nil } }
    }

    package var failures: [String] {
        reports.compactMap { if case .accessPointFailing(_, let reason, _) = $0 { reason } else { nil } }
    }
}

/// Whether two maps are equal, byte by byte. A failed comparison of the bytes themselves would take minutes to print.
package func haveEqualMaps(_ first: Member, _ second: Member) -> Bool {
    first.store.encoded(first.world.pool) == second.store.encoded(second.world.pool)
}
