// System calls on files and pipes, each checked, for what must be fast or must be exactly one call.
import Glibc

enum RawFile {
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(CrashPointError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw error("open", path) }
        return descriptor
    }

    /// Writes all bytes where a descriptor is.
    static func write(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(CrashPointError) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw error("write to", name)
            }
            offset += count
        }
    }

    static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, name: String
    ) throws(CrashPointError) {
        let count = unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, offset)
        guard count == bytes.count else { throw error("write to", name) }
    }

    static func setSize(_ size: Int, of descriptor: Int32, name: String) throws(CrashPointError) {
        guard ftruncate(descriptor, size) == 0 else { throw error("set the size of", name) }
    }

    static func synchronize(_ path: String) throws(CrashPointError) {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("sync", path) }
    }

    /// Reads what there is, at least one byte; nothing at the end.
    static func read(_ descriptor: Int32, name: String) throws(CrashPointError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return Array(buffer.prefix(count)) }
            if errno != EINTR { throw error("read", name) }
        }
    }

    static func contents(_ path: String) throws(CrashPointError) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            let more = try read(descriptor, name: path)
            if more.isEmpty { return bytes }
            bytes += more
        }
    }

    static func replace(_ path: String, _ bytes: [UInt8]) throws(CrashPointError) {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        try write(bytes, to: descriptor, name: path)
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) throws(CrashPointError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw error("remove", path) }
    }

    static func makeDirectory(_ path: String) throws(CrashPointError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw error("make the directory", path) }
    }

    static func error(_ operation: String, _ path: String) -> CrashPointError {
        .file(operation: operation, path: path, reason: unsafe String(cString: strerror(errno)))
    }
}
