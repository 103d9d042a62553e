// What a steward was given by whoever started it, for the sake of its sessions.
import Glibc

/// The user's own mask and limit, which the agent has changed for itself.
struct InheritedLimits: Hashable, Sendable {
    var fileModeMask: UInt32
    var openFilesMax: UInt64?

    /// Octal digits.
    static let fileModeMaskName = "FASTX_UMASK"
    static let openFilesName = "FASTX_OPEN_FILES"

    init(fileModeMask: UInt32) {
        self.fileModeMask = fileModeMask
    }

    /// From an environment, or else from this process, whose own mask is 077 from now on.
    init(_ environment: [String: String]) {
        let own = UInt32(umask(0o077))
        fileModeMask = environment[Self.fileModeMaskName].flatMap { UInt32($0, radix: 8) }.map { $0 & 0o777 } ?? own
        openFilesMax = environment[Self.openFilesName].flatMap { UInt64($0) }
    }

    /// As variables, for the process that goes on.
    var variables: [String: String] {
        var result = [Self.fileModeMaskName: String(fileModeMask, radix: 8)]
        result[Self.openFilesName] = openFilesMax.map { String($0) }
        return result
    }
}
