// The workloads in this process: at each acknowledgement the real store holds what the oracle says.
import CrashPoints
import Foundation
import Testing

@Suite("Workloads")
struct WorkloadTests {
    /// Those that have no call fail, for which they would need the storage shim.
    @Test("The store agrees with the oracle", arguments: ["creation", "backup", "expiry", "bootstrap", "commits"])
    func agreement(name: String) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/workload-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await CrashPointSimulation.runWorkload(named: name, directory: directory)
        let text = try String(contentsOfFile: directory + "/" + journalName, encoding: .utf8)
        var begun: [String: MapState] = [:]
        var agreedCount = 0
        for line in text.split(separator: "\n") {
            let note = try Note(line: line)
            let name = "\(note.subject) \(note.number)"
            if note.word == .begin { begun[name] = note.state }
            guard note.word == .done, let state = note.state else { continue }
            #expect(state == begun[name], "\(line)")
            agreedCount += 1
        }
        #expect(agreedCount > 4)
    }

    @Test("A workload that there is not is refused, with those that there are")
    func unknown() async {
        let error = CrashPointError.unknownWorkload("other", known: CrashPointSimulation.workloadNames)
        await #expect(throws: error) {
            try await CrashPointSimulation.runWorkload(named: "other", directory: "/nowhere")
        }
    }
}
