// Landlock: what a process may do with files, connections and signals, laid down by itself and for good.
import Glibc

/// A wall around this process's use of files, and, on newer kernels, of TCP, devices, abstract sockets and signals.
///
/// Only what a kernel can restrict is restricted: `abi` says how much that is. Numbers are those of the kernel's stable
/// interface, since the header of an older one lacks the newer ones.
package struct Landlock: Sendable {
    /// What may be done below a path.
    package enum Access: Sendable {
        /// Files are read, directories listed.
        case read
        /// One file is read, and may be run as a program.
        case execute
    }

    /// What is restricted.
    package enum Extent: Sendable {
        /// All that the version knows.
        case everything
        /// Which files may be run as programs. Besides that, a process behind any wall cannot mount, nor look into a
        /// process that is not behind it; and with the first version alone it moves no file to another directory.
        case execution
    }

    // Equal on all platforms.
    private static let createRulesetNumber: CLong = 444
    private static let addRuleNumber: CLong = 445
    private static let restrictSelfNumber: CLong = 446
    private static let askVersion: CLong = 1
    private static let pathBeneath: CLong = 1
    private static let justThePath: CInt = 0o10000000

    private static let executeFile: UInt64 = 1 << 0
    private static let readFile: UInt64 = 1 << 2
    private static let readDirectory: UInt64 = 1 << 3
    /// Executing, writing, reading, listing, removing and making: all of the first version.
    private static let firstRights: UInt64 = (1 << 13) - 1
    /// To other directories; the second version.
    private static let moveFile: UInt64 = 1 << 13
    /// The third version.
    private static let truncateFile: UInt64 = 1 << 14
    /// The fifth version.
    private static let controlDevice: UInt64 = 1 << 15
    /// Binding to a port of TCP, and connecting to one; the fourth version.
    private static let tcpRights: UInt64 = 0b11
    /// Abstract Unix sockets of others, and signals to others; the sixth version.
    private static let scopes: UInt64 = 0b11

    /// The version of the interface that is used: the kernel's, or a lower one that was asked for.
    package let abi: Int
    /// The rights to files that are restricted.
    private let fileRights: UInt64
    private let ruleset: OwnedDescriptor

    /// The version that the kernel has; 0 where Landlock is not built in or switched off.
    ///
    /// - Throws: where this process may not even ask, as behind the filter of a unit that does not name the call.
    package static func kernelABI() throws(SystemError) -> Int {
        let answer = try Kernel.systemCall()(createRulesetNumber, 0, 0, askVersion, 0)
        if answer >= 0 { return answer }
        guard errno == ENOSYS || errno == EOPNOTSUPP else {
            throw .call(name: "landlock_create_ruleset", subject: "this process", code: errno)
        }
        return 0
    }

    /// Everything that is restricted is forbidden once it is put up, but for what is allowed before.
    ///
    /// - Parameter abi: At least 1, at most the kernel's.
    package init(abi: Int, restricting extent: Extent = .everything) throws(SystemError) {
        let words = Self.restricted(abi, extent)
        let call = try Kernel.systemCall()
        let raw = unsafe words.withUnsafeBytes { bytes in
            call(Self.createRulesetNumber, CLong(Int(bitPattern: bytes.baseAddress)), CLong(bytes.count), 0, 0)
        }
        guard raw >= 0 else { throw .call(name: "landlock_create_ruleset", subject: "version \(abi)", code: errno) }
        self.abi = abi
        fileRights = words[0]
        ruleset = OwnedDescriptor(adopting: CInt(raw))
        // It is forbidden by every wall, unless that restricts it and then allows it.
        if extent == .execution, abi >= 2 { try allow(rights: Self.moveFile, "/") }
    }

    /// The rights to files, those to TCP, and scopes, as far as a version has them.
    private static func restricted(_ abi: Int, _ extent: Extent) -> [UInt64] {
        if extent == .execution { return [abi >= 2 ? executeFile | moveFile : executeFile] }
        var files = firstRights
        if abi >= 2 { files |= moveFile }
        if abi >= 3 { files |= truncateFile }
        if abi >= 5 { files |= controlDevice }
        var words = [files]
        if abi >= 4 { words.append(tcpRights) }
        if abi >= 6 { words.append(scopes) }
        return words
    }

    /// Allows a use of a path, and of all below it. `false` where there is no such path.
    @discardableResult
    package func allow(_ access: Access, _ path: String) throws(SystemError) -> Bool {
        let rights =
            switch access {
            case .execute: Self.executeFile | Self.readFile
            case .read: Self.readFile | Self.readDirectory
            }
        return try allow(rights: rights & fileRights, path)
    }

    @discardableResult
    private func allow(rights: UInt64, _ path: String) throws(SystemError) -> Bool {
        let raw = unsafe Glibc.open(path, Self.justThePath | O_CLOEXEC)
        guard raw >= 0 else {
            if errno == ENOENT || errno == ENOTDIR || errno == EACCES { return false }
            throw .call(name: "open", subject: path, code: errno)
        }
        let place = OwnedDescriptor(adopting: raw)
        var status = stat()
        guard unsafe fstat(raw, &status) == 0 else { throw .call(name: "fstat", subject: path, code: errno) }
        // The kernel takes no rights to directories for a file.
        let rights = status.st_mode & S_IFMT == S_IFDIR ? rights : rights & ~Self.readDirectory
        // The rights, then the descriptor, without a gap or an end.
        var rule = [UInt8](repeating: 0, count: 12)
        unsafe rule.withUnsafeMutableBytes { room in
            unsafe room.storeBytes(of: rights, as: UInt64.self)
            unsafe room.storeBytes(of: place.raw, toByteOffset: 8, as: CInt.self)
        }
        let call = try Kernel.systemCall()
        let result = unsafe rule.withUnsafeBytes { bytes in
            let address = CLong(Int(bitPattern: bytes.baseAddress))
            return call(Self.addRuleNumber, CLong(ruleset.raw), Self.pathBeneath, address, 0)
        }
        guard result == 0 else { throw .call(name: "landlock_add_rule", subject: path, code: errno) }
        return true
    }

    /// From now on, and in every program that this thread becomes. Needs `Kernel.forbidNewPrivileges` first.
    package func putUp() throws(SystemError) {
        guard try Kernel.systemCall()(Self.restrictSelfNumber, CLong(ruleset.raw), 0, 0, 0) == 0 else {
            throw .call(name: "landlock_restrict_self", subject: "this process", code: errno)
        }
    }
}
