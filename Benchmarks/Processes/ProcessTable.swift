// What the kernel tells of processes: whose children they are, and the time, memory and open files that they take.
import Foundation
import OperatingSystem

/// What some processes take.
struct ProcessUsage: Sendable {
    /// Of user and system together.
    var cpuSeconds = 0.0
    /// Memory of their own, without mapped files, in bytes.
    var anonymous = 0
    var resident = 0
    /// Files and connections.
    var openFileCount = 0

    /// Of processes and all their descendants.
    static func ofTrees(_ roots: [Int32]) -> ProcessUsage {
        var usage = ProcessUsage()
        for process in ProcessTable.descendants(of: roots) {
            guard let fields = ProcessTable.fields(of: process) else { continue }
            usage.cpuSeconds += fields.cpuSeconds
            let memory = ProcessTable.memory(of: process)
            usage.anonymous += memory.anonymous
            usage.resident += memory.resident
            usage.openFileCount += ProcessTable.openFileCount(of: process)
        }
        return usage
    }
}

/// Reads `/proc`.
enum ProcessTable {
    private static let ticksPerSecond = Double(max(1, sysconf(CInt(_SC_CLK_TCK))))

    /// The parent and the processor time of a process; nil for one that is gone.
    static func fields(of process: Int32) -> (parent: Int32, cpuSeconds: Double)? {
        // The name in parentheses may have spaces; what counts stands after it.
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let parent = Int32(fields[1]), let user = Double(fields[11]),
            let system = Double(fields[12])
        else { return nil }
        return (parent, (user + system) / ticksPerSecond)
    }

    /// The memory of a process, in bytes.
    static func memory(of process: Int32) -> (anonymous: Int, resident: Int) {
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        func bytes(_ field: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(field) }
            return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1_024
        }
        return (bytes("RssAnon:"), bytes("VmRSS:"))
    }

    /// How many files and connections a process has open.
    static func openFileCount(of process: Int32) -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []).count
    }

    /// Processes and what has come of them.
    static func descendants(of roots: [Int32]) -> Set<Int32> {
        var children: [Int32: [Int32]] = [:]
        for process in all() {
            if let fields = fields(of: process) { children[fields.parent, default: []].append(process) }
        }
        var found = Set<Int32>()
        var rest = roots
        while let next = rest.popLast() {
            if found.insert(next).inserted { rest += children[next] ?? [] }
        }
        return found
    }

    static func all() -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// Ends all processes that have a path among their arguments: those that a session has left to themselves.
    static func endAll(mentioning path: String) {
        for signal in [SIGTERM, SIGKILL] {
            // Each is given three seconds.
            for _ in 0..<60 {
                let left = all().filter { $0 != getpid() && commandLine(of: $0).contains(path) }
                if left.isEmpty { return }
                for process in left { kill(process, signal) }
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
    }

    private static func commandLine(of process: Int32) -> String {
        FileManager.default.contents(atPath: "/proc/\(process)/cmdline").map { String(decoding: $0, as: UTF8.self) }
            ?? ""
    }
}
