// The runs of the store that are recorded.

/// One run.
struct Workload: Sendable {
    let name: String
    /// What is checked in its images.
    let subjects: [Subject]
    let run: @Sendable (Stage) async throws -> Void

    /// In the order in which they are run: those with few images first, so that the last ones get what these leave.
    ///
    /// There is one format of the file so far, so that no run moves a store from one format to the next.
    static let all: [Workload] = [
        Workload(name: "creation", subjects: [Subject("store", .store)], run: BasicWorkloads.creation),
        Workload(
            name: "restore",
            subjects: [
                Subject("store", .store), Subject("copy", .backup), Subject("later", .backup),
                Subject("second", .backup),
            ],
            run: FileWorkloads.restore),
        Workload(
            name: "backup",
            subjects: [Subject("store", .store), Subject("copy", .backup), Subject("busy", .backup)],
            run: FileWorkloads.backup),
        Workload(name: "reopening", subjects: [Subject("store", .store)], run: FailureWorkloads.reopening),
        Workload(name: "expiry", subjects: [Subject("store", .store)], run: UpkeepWorkloads.expiry),
        Workload(name: "bootstrap", subjects: [Subject("store", .store)], run: UpkeepWorkloads.bootstrap),
        Workload(name: "commits", subjects: [Subject("store", .store)], run: BasicWorkloads.commits),
        Workload(name: "long", subjects: [Subject("store", .store)], run: BasicWorkloads.long),
    ]

    static func named(_ name: String) throws(CrashPointError) -> Workload {
        if let workload = all.first(where: { $0.name == name }) { return workload }
        throw .unknownWorkload(name, known: all.map(\.name))
    }
}
