// Functions of the kernel and of glibc that Swift does not import: they take variable arguments or need _GNU_SOURCE.
package import Glibc

/// Each looked up by name. On the platforms of this program, integers are passed to functions with variable arguments
/// as to any other.
package enum Kernel {
    // Numbers of the kernel's stable interface, equal on all its platforms.
    private static let pidfdSendSignalNumber: CLong = 424
    private static let pidfdOpenNumber: CLong = 434
    private static let setChildSubreaper: CInt = 36
    private static let getDumpable: CInt = 3
    private static let setDumpable: CInt = 4
    private static let setParentDeathSignal: CInt = 1
    private static let setNoNewPrivileges: CInt = 38
    private static let memfdCloseOnExec: CUnsignedInt = 1
    private static let memfdAllowSealing: CUnsignedInt = 2
    private static let addSeals: CInt = 1033
    private static let getSeals: CInt = 1034
    /// No more seals, no shrinking, no growing, no writing.
    package static let allSeals: CInt = 0xF

    /// A number, then the arguments of the call.
    package typealias SystemCall = @convention(c) (CLong, CLong, CLong, CLong, CLong) -> CLong
    private typealias ProcessControl =
        @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
    private typealias Capabilities =
        @convention(c) (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> CInt
    private typealias MemoryFile = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
    private typealias Accept =
        @convention(c) (CInt, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?, CInt) -> CInt
    private typealias Pipe = @convention(c) (UnsafeMutablePointer<CInt>, CInt) -> CInt
    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt
    private typealias ChangeDirectory =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> CInt

    private static func symbol(_ name: String) throws(SystemError) -> UnsafeMutableRawPointer {
        guard let found = unsafe dlsym(nil, name) else { throw .missingFunction(name: name) }
        return unsafe found
    }

    /// A descriptor of a process, readable once it has ended; `nil` when there is no such process.
    package static func openProcess(_ pid: pid_t) throws(SystemError) -> OwnedDescriptor? {
        let call = try systemCall()
        let raw = CInt(call(pidfdOpenNumber, CLong(pid), 0, 0, 0))
        guard raw >= 0 else {
            if errno == ESRCH { return nil }
            throw .call(name: "pidfd_open", subject: "process \(pid)", code: errno)
        }
        return OwnedDescriptor(adopting: raw)
    }

    /// Sends a signal to exactly the process of a descriptor. `false` when it has ended.
    package static func sendSignal(_ signal: CInt, to process: OwnedDescriptor) throws(SystemError) -> Bool {
        let call = try systemCall()
        guard call(pidfdSendSignalNumber, CLong(process.raw), CLong(signal), 0, 0) == 0 else {
            if errno == ESRCH { return false }
            throw .call(name: "pidfd_send_signal", subject: "a process", code: errno)
        }
        return true
    }

    /// From now on, descendants whose parents end become children of this process.
    package static func becomeSubreaper() throws(SystemError) {
        try control(setChildSubreaper, 1, "PR_SET_CHILD_SUBREAPER")
    }

    /// Neither core files nor debuggers of the same user see this process's memory.
    package static func hideMemory() throws(SystemError) {
        try control(setDumpable, 0, "PR_SET_DUMPABLE")
    }

    /// Whether others see it.
    package static func isMemoryShown() throws(SystemError) -> Bool {
        try control(getDumpable, 0, "PR_GET_DUMPABLE") != 0
    }

    /// The kernel kills this process when the thread that started it ends.
    package static func dieWithParent() throws(SystemError) {
        try control(setParentDeathSignal, CUnsignedLong(SIGKILL), "PR_SET_PDEATHSIG")
    }

    /// No program that this process becomes or starts has more rights than it has itself: sudo and the like are without
    /// effect.
    package static func forbidNewPrivileges() throws(SystemError) {
        try control(setNoNewPrivileges, 1, "PR_SET_NO_NEW_PRIVS")
    }

    /// The function for any system call by its number; -1 and `errno` on failure. Pointers go as numbers, and what they
    /// point to has to be there until it returns.
    package static func systemCall() throws(SystemError) -> SystemCall {
        unsafe unsafeBitCast(try symbol("syscall"), to: SystemCall.self)
    }

    /// Gives up every capability that this process has, as root too. Together with `forbidNewPrivileges` it is for good.
    package static func dropCapabilities() throws(SystemError) {
        // Version 3 of the interface, and this process; then effective, permitted and inheritable, low halves first.
        var header: [UInt32] = [0x2008_0522, 0]
        var sets = [UInt32](repeating: 0, count: 6)
        let get = unsafe unsafeBitCast(try symbol("capget"), to: Capabilities.self)
        guard unsafe get(&header, &sets) == 0 else { throw .call(name: "capget", subject: "this process", code: errno) }
        // Whoever has none may not be allowed to ask for less.
        guard sets.contains(where: { $0 != 0 }) else { return }
        let set = unsafe unsafeBitCast(try symbol("capset"), to: Capabilities.self)
        var none = [UInt32](repeating: 0, count: 6)
        guard unsafe set(&header, &none) == 0 else { throw .call(name: "capset", subject: "this process", code: errno) }
    }

    @discardableResult
    private static func control(
        _ option: CInt, _ value: CUnsignedLong, _ name: String
    ) throws(SystemError) -> CInt {
        let call = unsafe unsafeBitCast(try symbol("prctl"), to: ProcessControl.self)
        let result = call(option, value, 0, 0, 0)
        guard result >= 0 else { throw .call(name: "prctl", subject: name, code: errno) }
        return result
    }

    /// A file in memory that can be sealed.
    package static func makeMemoryFile(_ name: String) throws(SystemError) -> OwnedDescriptor {
        let call = unsafe unsafeBitCast(try symbol("memfd_create"), to: MemoryFile.self)
        let raw = unsafe call(name, memfdCloseOnExec | memfdAllowSealing)
        guard raw >= 0 else { throw .call(name: "memfd_create", subject: name, code: errno) }
        return OwnedDescriptor(adopting: raw)
    }

    /// Puts all seals on a memory file: no process can change its bytes or its length any more, not even this one.
    package static func seal(_ file: OwnedDescriptor) throws(SystemError) {
        guard fcntl(file.raw, addSeals, allSeals) == 0 else {
            throw .call(name: "fcntl", subject: "the seals of a memory file", code: errno)
        }
    }

    /// The seals of a memory file; `nil` for any other kind of file.
    package static func seals(of file: OwnedDescriptor) -> CInt? {
        let seals = fcntl(file.raw, getSeals)
        return seals < 0 ? nil : seals
    }

    /// `accept4` with both flags; -1 and `errno` on failure.
    package static func accept(_ listener: OwnedDescriptor) throws(SystemError) -> CInt {
        let call = unsafe unsafeBitCast(try symbol("accept4"), to: Accept.self)
        return call(listener.raw, nil, nil, CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    }

    /// A pipe whose ends no other child inherits.
    package static func makePipe() throws(SystemError) -> (reading: OwnedDescriptor, writing: OwnedDescriptor) {
        let call = unsafe unsafeBitCast(try symbol("pipe2"), to: Pipe.self)
        var ends: [CInt] = [-1, -1]
        guard unsafe call(&ends, O_CLOEXEC) == 0 else { throw .call(name: "pipe2", subject: "a pipe", code: errno) }
        return (OwnedDescriptor(adopting: ends[0]), OwnedDescriptor(adopting: ends[1]))
    }

    /// A child that is spawned with these actions inherits no descriptor from `first` on.
    package static func addCloseFrom(
        _ actions: inout posix_spawn_file_actions_t, _ first: CInt
    ) throws(SystemError) {
        let name = "posix_spawn_file_actions_addclosefrom_np"
        let call = unsafe unsafeBitCast(try symbol(name), to: CloseFrom.self)
        let code = unsafe call(&actions, first)
        guard code == 0 else { throw .call(name: name, subject: "a new process", code: code) }
    }

    /// A child that is spawned with these actions begins in a directory.
    package static func addDirectory(
        _ actions: inout posix_spawn_file_actions_t, _ path: String
    ) throws(SystemError) {
        let name = "posix_spawn_file_actions_addchdir_np"
        let call = unsafe unsafeBitCast(try symbol(name), to: ChangeDirectory.self)
        let code = unsafe call(&actions, path)
        guard code == 0 else { throw .call(name: name, subject: path, code: code) }
    }
}
