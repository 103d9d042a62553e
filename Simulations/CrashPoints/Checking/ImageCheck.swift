// The check of one image by the real store, in a process that may die of it.
import Glibc
import Replica
import Store

/// Reads an image, and uses it where that is asked for.
struct ImageCheck {
    let directory: String
    let kind: Subject.Kind

    /// When images are opened: after all that workloads write, and before any of their leases is purged.
    private static let now = WallTime(milliseconds: WorkloadClock.start + 1)
    private static let origin = Origin(raw: 0xC4A5_4901)

    func run(fully: Bool) async -> ImageResult {
        let report: CheckReport
        do {
            report = try read(directory)
        } catch {
            return await refused(error)
        }
        guard report.isSound else {
            let first = report.damaged.first.map { "\($0.key): \($0.fault.rawValue)" } ?? "-"
            return .damaged("\(report.damagedCount) of \(report.entryCount) entries are damaged, first \(first)")
        }
        let state = MapState(report)
        if !fully { return .state(state) }
        do {
            if let fault = try await faultInUse(state) { return .damaged(fault) }
            return .state(state)
        } catch {
            return .damaged("it can be read, but not be used: \(error)")
        }
    }

    private func read(_ directory: String) throws(StoreError) -> CheckReport {
        try Store.check(directory: directory) { _ in }
    }

    /// Whether a store can be made here, where there is none that can be read.
    private func refused(_ reason: StoreError) async -> ImageResult {
        if kind == .backup { return .refused("\(reason)", .failed("a backup is not opened")) }
        do {
            let store = try Store.open(directory: directory, origin: Self.origin) { Self.now }
            let state = try MapState(store)
            if state != MapState() {
                await store.close()
                return .refused("\(reason)", .holding(state))
            }
            if let fault = try await faultInWriting(store, state) { return .refused("\(reason)", .failed(fault)) }
            return .refused("\(reason)", .empty)
        } catch {
            return .refused("\(reason)", .failed("\(error)"))
        }
    }

    /// Does with an image what would be done after a power cut.
    private func faultInUse(_ state: MapState) async throws -> String? {
        if kind == .backup { return try faultInRestoring(state) }
        try scribble(state)
        let store = try Store.open(directory: directory, origin: Self.origin) { Self.now }
        return try await faultInWriting(store, state)
    }

    /// The lock file is mapped memory of processes that are gone: after a power cut it may hold anything.
    private func scribble(_ state: MapState) throws {
        var generator = SeededGenerator(seed: UInt64(truncatingIfNeeded: state.fingerprint.value))
        let bytes = generator.bytes(generator.below(20_000))
        try RawFile.replace(directory + "/lock.mdb", bytes)
        try RawFile.remove(directory + "/lock")
    }

    /// Compares the open store with what a check found, writes to it, closes it and checks again.
    private func faultInWriting(_ store: Store, _ state: MapState) async throws -> String? {
        let opened = try MapState(store)
        if opened != state {
            await store.close()
            return "a check finds \(state), but opened it holds \(opened)"
        }
        var expected = state
        // No workload uses these keys.
        for name in ["data/after-the-cut", "config/after-the-cut"] {
            let value = [UInt8](repeating: 7, count: name.utf8.count * 300)
            let write = LocalWrite(key: try Key(name), change: .put(value, leaseMilliseconds: nil))
            for receipt in try await store.write([write]) {
                expected.entryCount += 1
                expected.fingerprint.add(receipt.digest)
            }
        }
        try await store.putLocal(Array("after the cut".utf8), [1])
        expected.localCount += 1
        let written = try MapState(store)
        await store.close()
        let report = try read(directory)
        if written != expected || MapState(report) != expected || !report.isSound {
            return "after writing to it, it says \(written) and holds \(MapState(report)) instead of \(expected)"
        }
        return nil
    }

    private func faultInRestoring(_ state: MapState) throws -> String? {
        let target = directory + "/restored"
        try restore(to: target)
        let report = try read(target)
        if MapState(report) == state, report.isSound { return nil }
        return "restored, it holds \(MapState(report)) instead of \(state)"
    }

    private func restore(to target: String) throws(StoreError) {
        try Store.restore(from: directory + "/" + Subject.dataFileName, to: target)
    }
}

extension MapState {
    init(_ report: CheckReport) {
        self.init(entryCount: report.entryCount, fingerprint: report.fingerprint, localCount: report.localCount)
    }

    /// What a store says of itself.
    init(_ store: Store) throws(StoreError) {
        let summary = store.summary
        self.init(
            entryCount: summary.count, fingerprint: summary.fingerprint, localCount: try store.scanLocal().count)
    }
}
