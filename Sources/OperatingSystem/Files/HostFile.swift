// Reads small files whole, with typed errors.
import Glibc

/// Whole-file reading for files such as those in /proc, which tell no size beforehand.
package enum HostFile {
    /// More than any file that is read here: /proc/cpuinfo has about 2 KB for each processor.
    package static let readBytesMax = 16 << 20

    /// The file's text; bytes that are not UTF-8 become U+FFFD.
    package static func text(at path: String) throws(SystemError) -> String {
        String(decoding: try bytes(at: path), as: UTF8.self)
    }

    /// The file's bytes.
    package static func bytes(at path: String) throws(SystemError) -> [UInt8] {
        try reading(path) { () throws(SystemError) in
            try all(of: try OwnedDescriptor.open(path, O_RDONLY), path)
        }
    }

    /// All bytes from standard input's position on.
    package static func bytesOfStandardInput() throws(SystemError) -> [UInt8] {
        let input = OwnedDescriptor(adopting: STDIN_FILENO)
        // It stays open: it is the process's, and only lent.
        defer { _ = input.take() }
        return try reading("standard input") { () throws(SystemError) in try all(of: input, "standard input") }
    }

    /// Where a symbolic link leads.
    package static func linkTarget(of path: String) throws(SystemError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return -1 }
            return unsafe readlink(path, start.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0 else { throw .unreadable(path: path, code: errno) }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    private static func all(of file: OwnedDescriptor, _ path: String) throws(SystemError) -> [UInt8] {
        let bytes = try file.readAll(byteCountMax: readBytesMax + 1)
        guard bytes.count <= readBytesMax else { throw .unreadable(path: path, code: EFBIG) }
        return bytes
    }

    /// Names the file in the error of any call.
    private static func reading(
        _ path: String, _ body: () throws(SystemError) -> [UInt8]
    ) throws(SystemError) -> [UInt8] {
        do throws(SystemError) {
            return try body()
        } catch .call(_, _, let code) {
            throw .unreadable(path: path, code: code)
        }
    }
}
