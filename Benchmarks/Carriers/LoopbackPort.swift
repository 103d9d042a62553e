// Ports of 127.0.0.1: free ones, and whether somebody listens.
import Foundation

enum LoopbackPort {
    /// A port that nothing listens on at the moment.
    static func free() throws -> Int {
        try withSocket { descriptor in
            guard unsafe call(bind, descriptor, port: 0) == 0 else {
                throw BenchmarkError("no free port on \(Route.host)")
            }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(descriptor, $0, &length)
                }
            }
            guard result == 0 else { throw BenchmarkError("no free port on \(Route.host)") }
            return Int(in_port_t(bigEndian: address.sin_port))
        }
    }

    static func isListening(_ port: Int) -> Bool {
        (try? withSocket { unsafe call(connect, $0, port: port) == 0 }) ?? false
    }

    private static func withSocket<Result>(_ body: (CInt) throws -> Result) throws -> Result {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchmarkError("no socket: too many files are open") }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt, _ descriptor: CInt, port: Int
    ) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
