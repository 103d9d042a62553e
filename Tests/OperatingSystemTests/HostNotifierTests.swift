// Tests of systemd's readiness protocol against a real datagram socket.
import Foundation
import Glibc
import OperatingSystem
import TestSupport
import Testing

/// systemd's end: a bound datagram socket.
private final class HostTestSocket {
    private let descriptor: CInt

    init(address: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        try #require(descriptor >= 0)
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes = Array(address.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { path in unsafe path.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (bytes[0] == 0 ? 0 : 1))
        let result = unsafe withUnsafePointer(to: name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
        }
        try #require(result == 0)
    }

    deinit { close(descriptor) }

    /// The next message, or empty after 5 s.
    func receive() -> String {
        var buffer = [UInt8](repeating: 0, count: 8_192)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite("Readiness protocol of systemd")
struct HostNotifierTests {
    let directory: HostTestDirectory

    init() throws { directory = try HostTestDirectory() }

    @Test("Each message reaches the socket at a path")
    func atPath() throws {
        let socket = try HostTestSocket(address: directory.file("notify"))
        let notifier = try ServiceNotifier(address: directory.file("notify"))
        #expect(notifier.ready(status: "3 links up") == nil)
        #expect(socket.receive() == "READY=1\nSTATUS=3 links up\n")
        #expect(notifier.status("2 links up\nREADY=1") == nil)
        #expect(socket.receive() == "STATUS=2 links up READY=1\n")
        #expect(notifier.reloading(monotonicMicroseconds: 42) == nil)
        #expect(socket.receive() == "RELOADING=1\nMONOTONIC_USEC=42\n")
        #expect(notifier.stopping() == nil)
        #expect(socket.receive() == "STOPPING=1\n")
    }

    @Test("Each message reaches a socket with an abstract name")
    func abstract() throws {
        let address = "@host-test-" + UUID().uuidString
        let socket = try HostTestSocket(address: address)
        #expect(try ServiceNotifier(address: address).stopping() == nil)
        #expect(socket.receive() == "STOPPING=1\n")
    }

    @Test("A long status is cut at a whole character")
    func longStatus() throws {
        let socket = try HostTestSocket(address: directory.file("notify"))
        let notifier = try ServiceNotifier(address: directory.file("notify"))
        #expect(notifier.status(String(repeating: "ü", count: 2_000)) == nil)
        let text = socket.receive()
        #expect(text.hasSuffix("ü\n"))
        #expect(text.utf8.count <= ServiceNotifier.statusBytesMax + 1)
    }

    @Test("Without an address nothing is sent and nothing fails")
    func inactive() throws {
        let notifier = try ServiceNotifier(address: nil)
        #expect(!notifier.isActive)
        #expect(notifier.ready(status: "up") == nil)
    }

    @Test("A socket that is not there is an error that names it")
    func missing() throws {
        let path = directory.file("none")
        #expect(
            try ServiceNotifier(address: path).stopping() == .call(name: "sendto", subject: path, code: ENOENT))
    }

    @Test(
        "An address of another form is refused",
        arguments: ["vsock:2:1234", "relative", "/", "@", "/" + String(repeating: "a", count: 107)])
    func wrongAddress(address: String) {
        #expect(throws: SystemError.notifyAddress(address)) { _ = try ServiceNotifier(address: address) }
    }

    @Test("The variable is gone from the environment once it was read")
    func environment() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("NOTIFY_SOCKET", "@somewhere", 1)
            let first = try ServiceNotifier.takeFromEnvironment()
            #expect(first.isActive)
            #expect(unsafe getenv("NOTIFY_SOCKET") == nil)
            let second = try ServiceNotifier.takeFromEnvironment()
            #expect(!second.isActive)
        }
    }
}
