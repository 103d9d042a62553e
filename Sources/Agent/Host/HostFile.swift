// Role: reads and writes small files whole, with typed errors.
internal import Glibc

/// Whole-file reading for files such as those in /proc, which tell no size beforehand.
enum HostFile {
    /// More than any file that is read here: /proc/cpuinfo has about 2 KB for each processor.
    static let readBytesMax = 16 << 20

    /// The file's text; bytes that are not UTF-8 become U+FFFD.
    static func text(at path: String) throws(HostError) -> String {
        String(decoding: try bytes(at: path), as: UTF8.self)
    }

    /// The file's bytes.
    static func bytes(at path: String) throws(HostError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, code: errno) }
        defer { close(descriptor) }
        return try bytes(of: descriptor, path: path)
    }

    /// Where a symbolic link leads.
    static func linkTarget(of path: String) throws(HostError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let start = unsafe bytes.baseAddress else { return -1 }
            return unsafe readlink(path, start.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0 else { throw .unreadable(path: path, code: errno) }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// All bytes from the descriptor's position on; `path` is for the error.
    static func bytes(of descriptor: CInt, path: String) throws(HostError) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path: path, code: errno)
            }
            if count == 0 { return all }
            guard all.count + count <= readBytesMax else { throw .unreadable(path: path, code: EFBIG) }
            all.append(contentsOf: chunk[..<count])
        }
    }

    /// Writes all bytes, in as many calls as it takes; `path` is for the error.
    static func write(_ bytes: [UInt8], to descriptor: CInt, path: String) throws(HostError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes { rest in
                unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .systemCall(name: "write", subject: path, code: errno)
            }
            written += count
        }
    }
}
