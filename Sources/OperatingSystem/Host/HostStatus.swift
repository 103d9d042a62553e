// Everything that a server update says about the host, read at one moment.
import Glibc

/// The host's processors.
package struct CPUStatus: Equatable, Sendable {
    /// Processors that are online.
    package let count: Int
    /// The first processor's name; `nil` where the kernel knows none.
    package let model: String?
    /// Use of all of them together since the last reading, in percent, 0 to 100; `nil` at the first reading.
    package let usePercent: Double?
}

/// The host as it was at one reading. A value that could not be read is `nil`, and `problems` says why.
package struct HostStatus: Sendable {
    /// As the host calls itself; it may be a short name.
    package let hostname: String
    /// The kernel's release, such as `6.1.0-18-amd64`.
    package let kernel: String
    /// Since the host was started, in seconds.
    package let uptimeSeconds: Double?
    /// `nil` where it could not be read.
    package let loadAverage: LoadAverage?
    /// Always there: what could not be read is `nil` within.
    package let cpu: CPUStatus
    /// `nil` where it could not be read.
    package let memory: MemoryStatus?
    /// Each once, in byte order.
    package let loggedInUsers: [String]
    /// What could not be read at this reading, for the log.
    package let problems: [SystemError]
}

/// Reads the host again and again; keeps what must be compared with the last time.
package struct HostStatusReader: Sendable {
    private let procDirectory: String
    private var sampler = CPUSampler()
    /// Does not change while the host runs, and the file is long.
    private var model: String?

    /// `procDirectory` is another one in tests only.
    package init(procDirectory: String = "/proc") {
        self.procDirectory = procDirectory
    }

    /// Reads everything; takes well under a millisecond but may touch files, so it does not belong on an event loop.
    package mutating func read() -> HostStatus {
        var problems: [SystemError] = []
        /// The value, or `nil` with its error noted.
        func noting<Value>(_ body: () throws(SystemError) -> Value?) -> Value? {
            do {
                return try body()
            } catch {
                problems.append(error)
                return nil
            }
        }
        let directory = procDirectory
        func text(_ name: String) throws(SystemError) -> String { try HostFile.text(at: "\(directory)/\(name)") }

        if model == nil {
            model = noting { () throws(SystemError) in ProcFiles.processorModel(try text("cpuinfo")) }
        }
        var sampler = self.sampler
        let usePercent = noting { () throws(SystemError) in
            try sampler.usePercent(stat: try text("stat"), path: "\(directory)/stat")
        }
        self.sampler = sampler
        let uptime = noting { () throws(SystemError) in
            try ProcFiles.uptimeSeconds(try text("uptime"), path: "\(directory)/uptime")
        }
        let load = noting { () throws(SystemError) in
            try ProcFiles.loadAverage(try text("loadavg"), path: "\(directory)/loadavg")
        }
        let memory = noting { () throws(SystemError) in
            try ProcFiles.memory(try text("meminfo"), path: "\(directory)/meminfo")
        }
        return HostStatus(
            hostname: noting { () throws(SystemError) in try HostNames.hostname() } ?? "unknown",
            kernel: noting { () throws(SystemError) in try HostNames.kernel() } ?? "unknown",
            uptimeSeconds: uptime, loadAverage: load,
            cpu: CPUStatus(count: Self.processorCount(), model: model, usePercent: usePercent),
            memory: memory, loggedInUsers: LoggedInUsers.names(), problems: problems)
    }

    /// Processors online; 1 where the system does not tell.
    private static func processorCount() -> Int {
        max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    }
}
