// What the process of a script may do: which files, which system calls, how much memory.
import Glibc
import OperatingSystem

/// The walls of one process, put up by itself.
struct ScriptWalls {
    let kind: ScriptKind
    let memoryMiB: Int
    /// The program that the process becomes.
    let node: NodeProgram
    /// The file that Node runs; its folder can be read.
    let main: String
    /// The newest version of Landlock that is used; lower than the kernel's in tests alone.
    let landlockMax: Int
    /// The absolute paths of the programs that metrics may start; any where there is none.
    let programs: [String]

    /// What V8 has besides the heap of old objects: that of young ones, and what it compiles and collects with.
    static let engineMiB = 64
    /// Node opens about twenty.
    private static let openFilesMax: UInt64 = 128

    /// What Node is told, for its question and for scripts alike. The room for young objects is half of what it would be, and
    /// the threads beside the main one are as few as cost no time in measurements: some megabytes less for each worker. With
    /// a quarter of that room 10,000 servers take half as long again, since all of a call's objects are moved over and over.
    static func options(memoryMiB: Int) -> [String] {
        ["--max-old-space-size=\(memoryMiB)", "--max-semi-space-size=8", "--v8-pool-size=1"]
    }

    /// Puts everything up, and tells what could not be: a whole sentence each.
    ///
    /// Limits come first, since the filter of system calls forbids them; that comes last.
    ///
    /// - Throws: where programs are listed and the process cannot be held to them. It must not become Node then.
    func putUp(before change: ProgramChange) throws -> [String] {
        var missing: [String] = []
        func attempt(_ consequence: String, _ work: () throws(SystemError) -> String?) {
            do throws(SystemError) {
                if let problem = try work() { missing.append("\(problem), so \(consequence)") }
            } catch {
                missing.append("\(error), so \(consequence)")
            }
        }
        attempt("the host may end other processes before it when memory is scarce") { () throws(SystemError) in
            try OwnedDescriptor.open("/proc/self/oom_score_adj", O_WRONLY)
                .write("1000".utf8, subject: "/proc/self/oom_score_adj")
            return nil
        }
        attempt("its memory may come into core files") { () throws(SystemError) in
            try ResourceLimit.coreBytes.lower(to: 0)
            return nil
        }
        if kind == .placement {
            attempt("it may open many files") { () throws(SystemError) in
                try ResourceLimit.openFiles.lower(to: Self.openFilesMax)
                return nil
            }
            attempt("files are not kept from growing") { () throws(SystemError) in
                try ResourceLimit.fileBytes.lower(to: 0)
                return nil
            }
        }
        attempt("scripts have what rights this process has") { () throws(SystemError) in
            try Kernel.dropCapabilities()
            return nil
        }
        attempt("programs such as sudo have their effect") { () throws(SystemError) in
            try Kernel.forbidNewPrivileges()
            return nil
        }
        if kind == .placement {
            attempt("files are not walled off") { () throws(SystemError) in try putUpLandlock() }
        } else if !programs.isEmpty {
            try holdToPrograms()
        }
        attempt("memory is not limited") { () throws(SystemError) in
            try ResourceLimit.dataBytes.lower(to: node.baselineBytes + UInt64(memoryMiB + Self.engineMiB) << 20)
            return nil
        }
        if kind == .placement {
            attempt("connections, programs and signals are not walled off") { () throws(SystemError) in
                try PlacementCalls.filter(before: change).putUp()
                return nil
            }
        }
        return missing
    }

    /// `nil` once it is up; otherwise why it is not.
    private func putUpLandlock() throws(SystemError) -> String? {
        let abi = min(try Landlock.kernelABI(), landlockMax)
        guard abi >= 1 else { return try withoutLandlock }
        let wall = try Landlock(abi: abi)
        for path in nodeFiles { try wall.allow(.execute, path) }
        for path in NodeFiles.readable + [FileModes.parent(of: main)] { try wall.allow(.read, path) }
        try wall.putUp()
        return nil
    }

    /// What is executed when Node is started.
    private var nodeFiles: [String] { [node.path] + [ELFInterpreter.path(of: node.path)].compactMap { $0 } }

    private var withoutLandlock: String {
        get throws(SystemError) {
            "Landlock is not there: kernel \(try HostNames.kernel()) lacks it, or it is switched off at boot"
        }
    }

    /// Metrics start the listed programs and no others. They may do all else that they might without a list.
    private func holdToPrograms() throws {
        let abi = min(try Landlock.kernelABI(), landlockMax)
        guard abi >= 1 else {
            throw GuardRefusal(
                "nothing holds metrics to \"scripts.metricsPrograms\" of config/settings.json, since "
                    + "\(try withoutLandlock); switch it on, or take the list out and let them start any program")
        }
        let wall = try Landlock(abi: abi, restricting: .execution)
        let files = try RunnablePrograms.files(for: programs).union(nodeFiles)
        for path in files.sorted() { try wall.allow(.execute, path) }
        try wall.putUp()
    }
}

/// What Node and the C library read for themselves, found by strace of Node 18, 20 and 24. Each may be missing.
enum NodeFiles {
    #if arch(arm64)
        private static let platform = "aarch64-linux-gnu"
    #else
        private static let platform = "x86_64-linux-gnu"
    #endif

    /// Folders with all that is below, and files. Not `/usr/lib` as a whole: a member's var directory is there.
    static let readable = [
        // Shared libraries, as Debian and others have them.
        "/lib/\(platform)", "/usr/lib/\(platform)", "/lib64", "/usr/lib64", "/etc/ld.so.cache",
        // What Debian's Node has outside of its program.
        "/usr/share/nodejs",
        // Settings of OpenSSL: Node reads them before anything else, and goes without.
        "/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf",
        // Which time is the local one.
        "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib/locale",
        // How much memory and how many processors there are.
        "/proc/meminfo", "/proc/stat", "/proc/cpuinfo", "/sys/fs/cgroup", "/sys/devices/system/cpu",
        // This process: its memory and its limits. Landlock holds these very files, whose process stays the same.
        "/proc/self/stat", "/proc/self/status", "/proc/self/statm", "/proc/self/cgroup", "/proc/self/maps",
        "/dev/null", "/dev/urandom",
    ]
}

/// The program that the kernel starts first where a program is linked with shared libraries.
enum ELFInterpreter {
    /// Program headers are at a file's start; those of Node are within its first page.
    private static let headBytes = 4_096
    private static let interpreterType: UInt32 = 3

    /// `nil` for a file that has none, or is no program of 64 bits in the byte order of this platform.
    static func path(of program: String) -> String? {
        guard let file = try? OwnedDescriptor.open(program, O_RDONLY),
            let head = try? file.readAll(byteCountMax: headBytes)
        else { return nil }
        return path(inHead: head)
    }

    static func path(inHead head: [UInt8]) -> String? {
        func number(_ offset: Int, _ width: Int) -> Int? {
            guard offset >= 0, offset + width <= head.count else { return nil }
            return Int(exactly: head[offset..<offset + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        guard head.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]), let table = number(32, 8), let size = number(54, 2),
            let count = number(56, 2)
        else { return nil }
        for place in 0..<count {
            let entry = table + place * size
            guard let type = number(entry, 4) else { return nil }
            guard type == Int(interpreterType) else { continue }
            guard let start = number(entry + 8, 8), let length = number(entry + 32, 8), length > 1,
                start + length <= head.count
            else { return nil }
            return String(decoding: head[start..<start + length - 1], as: UTF8.self)
        }
        return nil
    }
}
