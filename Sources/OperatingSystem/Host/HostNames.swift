// The host's name and its kernel's, from the C library.
import Glibc

/// Names of the host.
package enum HostNames {
    /// As `hostname` prints it: a short name or a full one, as the administrator set it; at most 64 bytes on Linux.
    package static func hostname() throws(SystemError) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count) == 0 else {
            throw .call(name: "gethostname", subject: "this host", code: errno)
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The kernel's release, such as `6.1.0-18-amd64`.
    package static func kernel() throws(SystemError) -> String {
        var names = utsname()
        guard unsafe uname(&names) == 0 else {
            throw .call(name: "uname", subject: "this host", code: errno)
        }
        return unsafe withUnsafeBytes(of: names.release) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
