// The user's processes as /proc has them, and the trees that they form.
package import Glibc

/// One process at one moment.
package struct ProcessEntry: Hashable, Sendable {
    /// As long as it runs; another process may have it later.
    package let pid: pid_t
    /// The process that started it, or the one that took it over when that ended.
    package let parent: pid_t
    /// It has ended and its parent has not waited for it yet: there is nothing to signal or to measure.
    package let isZombie: Bool
    /// When it was started, in clock ticks since the host was: tells it from a later process of the same id.
    package let startTicks: UInt64
    /// Processor time of the process and of the children that it has waited for, in clock ticks.
    package let cpuTicks: UInt64
}

/// A look at all processes of one user.
package struct ProcessTable: Sendable {
    private var children: [pid_t: [ProcessEntry]] = [:]
    private var entries: [pid_t: ProcessEntry] = [:]

    /// Of entries that were read before, each process once.
    package init(_ entries: [ProcessEntry]) {
        for entry in entries {
            self.entries[entry.pid] = entry
            children[entry.parent, default: []].append(entry)
        }
    }

    /// Processes that end meanwhile are left out.
    package static func read(owner: uid_t = geteuid()) throws(SystemError) -> ProcessTable {
        var entries: [ProcessEntry] = []
        for name in try PrivateDirectory.names(in: "/proc") {
            guard let pid = pid_t(name) else { continue }
            var status = stat()
            // Processes of others are left alone before they cost anything.
            guard unsafe stat("/proc/\(name)", &status) == 0, status.st_uid == owner else { continue }
            if let entry = entry(of: pid) { entries.append(entry) }
        }
        return ProcessTable(entries)
    }

    /// One process as it is now, of any user; `nil` when there is none.
    package static func entry(of pid: pid_t) -> ProcessEntry? {
        guard let bytes = try? PrivateDirectory.readFile("/proc/\(pid)/stat", byteCountMax: 4_096) else { return nil }
        return parse(String(decoding: bytes, as: UTF8.self))
    }

    /// `/proc/<pid>/stat`: the second field, the program's name, is in parentheses and may hold anything.
    package static func parse(_ text: String) -> ProcessEntry? {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else { return nil }
        guard let pid = pid_t(text[..<open].filter { $0 != " " }) else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let parent = pid_t(fields[1]), let start = UInt64(fields[19]) else { return nil }
        let times = fields[11...14].compactMap { UInt64($0) }
        return ProcessEntry(
            pid: pid, parent: parent, isZombie: fields[0] == "Z" || fields[0] == "X", startTicks: start,
            cpuTicks: times.reduce(0, &+))
    }

    /// As it was when the table was read; `nil` when it was not there, or is another user's.
    package subscript(pid: pid_t) -> ProcessEntry? { entries[pid] }

    /// Everything below a process, without it; each process once.
    package func descendants(of root: pid_t) -> [ProcessEntry] {
        var found: [ProcessEntry] = []
        var seen: Set<pid_t> = [root]
        var rest = [root]
        while let parent = rest.popLast() {
            for child in children[parent] ?? [] where seen.insert(child.pid).inserted {
                found.append(child)
                rest.append(child.pid)
            }
        }
        return found
    }

    /// The processes that have a variable with a value in the environment they were started with.
    package func entries(withVariable variable: String) -> [ProcessEntry] {
        let wanted = Array(variable.utf8)
        return entries.values.filter { entry in
            guard let bytes = try? PrivateDirectory.readFile("/proc/\(entry.pid)/environ") else { return false }
            return bytes.split(separator: 0).contains { $0.elementsEqual(wanted) }
        }
    }
}

extension ProcessEntry {
    /// Sends a signal if the process is still the one of this entry. `false` when it is not.
    @discardableResult
    package func send(_ signal: CInt) throws(SystemError) -> Bool {
        guard let process = try Kernel.openProcess(pid), ProcessTable.entry(of: pid)?.startTicks == startTicks else {
            return false
        }
        return try Kernel.sendSignal(signal, to: process)
    }

    /// Memory that is the process's own: resident pages that are neither a file's nor shared. A sum over processes
    /// counts no page twice, except those that a fork has not parted yet.
    package func ownMemoryBytes() -> UInt64 {
        guard let bytes = try? PrivateDirectory.readFile("/proc/\(pid)/statm", byteCountMax: 4_096) else { return 0 }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
        guard fields.count > 2, fields[1] > fields[2] else { return 0 }
        return (fields[1] - fields[2]) * UInt64(sysconf(CInt(_SC_PAGESIZE)))
    }
}
