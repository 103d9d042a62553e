// The check of a whole store: every digest computed anew, every key against its grammar, and their order.
package import Replica

/// What a check found.
package struct CheckReport: Sendable, Hashable {
    /// How many damaged keys are named at most.
    package static let namedCountMax = 100

    /// All entries of the map, damaged ones and tombstones included.
    package internal(set) var entryCount = 0
    /// Deleted keys among them.
    package internal(set) var tombstoneCount = 0
    /// Records that the member keeps for itself, which have no digest and are only counted.
    package internal(set) var localCount = 0
    /// All damaged entries, also those beyond `namedCountMax`.
    package internal(set) var damagedCount = 0
    /// The first damaged entries, and why.
    package internal(set) var damaged: [DamagedEntry] = []
    /// The sum of all stored digests.
    package internal(set) var fingerprint = Fingerprint()

    /// Whether no entry is damaged.
    package var isSound: Bool { damagedCount == 0 }
}

/// One entry that is not what was stored.
package struct DamagedEntry: Sendable, Hashable {
    /// What is wrong, as the end of a sentence. The first fault found is told.
    package enum Fault: String, Sendable {
        case digest = "its contents do not match their digest"
        case record = "its record is cut off"
        case key = "its key breaks the grammar of keys"
        case order = "it is out of order"
    }

    /// As it is stored, which need not keep to the grammar.
    package let key: Key
    /// The first fault that was found.
    package let fault: Fault
}

extension Store {
    /// Reads every entry of the store in a directory, without changing anything.
    ///
    /// Run it in a child process: a file damaged in its inner pages can end the process that reads it, and a process
    /// must not open a store that it has open already.
    ///
    /// - Parameter progress: Called now and then with the number of entries looked at.
    @available(*, noasync, message: "blocks")
    package static func check(directory: String, progress: (Int) -> Void) throws(StoreError) -> CheckReport {
        let path = directory + "/data.mdb"
        guard FileCalls.exists(path) else {
            throw .notAStore(path: directory, reason: "it has no file data.mdb")
        }
        return try check(StoreLocation.openForReading(directory, access: .readOnly), progress: progress)
    }

    /// Reads every page that opening the store reads, without changing anything, and judges nothing.
    ///
    /// For a child process: a file that is cut off or damaged in its inner pages ends the process that reads it.
    @available(*, noasync, message: "blocks")
    package static func probe(directory: String) throws(StoreError) {
        guard FileCalls.exists(directory + "/data.mdb") else { return }
        let environment = try StoreLocation.openForReading(directory, access: .readOnly)
        _ = try DerivedState(scanning: environment.beginRead(), path: directory)
    }

    /// The same for a backup, or another file that nobody writes.
    static func check(file: String, progress: (Int) -> Void) throws(StoreError) -> CheckReport {
        try check(StoreLocation.openForReading(file, access: .readOnlyFile), progress: progress)
    }

    private static func check(_ environment: Environment, progress: (Int) -> Void) throws(StoreError) -> CheckReport {
        let transaction = try environment.beginRead()
        var pass = CheckPass()
        try transaction.forEach(.entries, prefix: [], after: nil) { key, record in
            pass.visit(key, record)
            if pass.report.entryCount.isMultiple(of: 10_000) { progress(pass.report.entryCount) }
            return true
        }
        progress(pass.report.entryCount)
        pass.report.localCount = try transaction.recordCount(.local)
        return pass.report
    }
}

/// A check in progress.
private struct CheckPass: ~Copyable {
    var report = CheckReport()
    private var scratch = EntryBatch()
    private var previous: [UInt8] = []

    mutating func visit(_ key: RawSpan, _ record: RawSpan) {
        let bytes = key.copy()
        report.entryCount += 1
        if let fault = fault(key, record) {
            report.damagedCount += 1
            if report.damaged.count < CheckReport.namedCountMax {
                report.damaged.append(DamagedEntry(key: Key(checked: bytes), fault: fault))
            }
        }
        previous = bytes
    }

    private mutating func fault(_ key: RawSpan, _ record: RawSpan) -> DamagedEntry.Fault? {
        guard let stored = RecordHeader(record) else { return .record }
        report.fingerprint.add(stored.digest)
        if stored.kind == .tombstone { report.tombstoneCount += 1 }
        scratch.removeAll(keepingCapacity: true)
        if !scratch.appendVerified(key: key, record: record) { return .digest }
        if (try? KeyClass(of: key)) == nil { return .key }
        if report.entryCount > 1, !previous.lexicographicallyPrecedes(key.copy()) { return .order }
        return nil
    }
}
