// What several modules' tests need: temporary directories, pipes, and packets that break the rules.
import Glibc
package import OperatingSystem
import Testing

/// Removed with everything in it when the last reference goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        path = "/tmp/fastx-test-\(RandomText.make(byteCount: 6))"
        try PrivateDirectory.make(path)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? PrivateDirectory.names(in: path)) ?? [] {
            let inner = path + "/" + name
            if unsafe unlink(inner) != 0 { remove(inner) }
        }
        unsafe rmdir(path)
    }
}

/// A pipe whose end tells whether all its writing ends are closed.
package final class TestPipe: Sendable {
    package let reading: OwnedDescriptor
    package let writing: OwnedDescriptor

    package init() throws {
        var ends: [CInt] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        reading = OwnedDescriptor(adopting: ends[0])
        writing = OwnedDescriptor(adopting: ends[1])
    }

    package func closeWriting() { close(writing.take()) }

    package var isAtEnd: Bool {
        var byte: UInt8 = 0
        return unsafe read(reading.raw, &byte, 1) == 0
    }
}

/// Packets as a stranger may send them.
package enum RawPackets {
    /// A bare socket and a packet socket, connected.
    package static func makePair() throws -> (OwnedDescriptor, PacketSocket) {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(unsafe socketpair(AF_UNIX, type, 0, &ends) == 0)
        return (
            OwnedDescriptor(adopting: ends[0]), try PacketSocket(adopting: OwnedDescriptor(adopting: ends[1]))
        )
    }

    /// The file of a socket that nobody listens at any more.
    package static func leaveSocket(at path: String) throws {
        let descriptor = OwnedDescriptor(adopting: socket(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor.raw, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0)
    }

    package static func send(_ bytes: [UInt8], descriptors: [CInt], to socket: OwnedDescriptor) throws {
        var content = bytes
        var control = [UInt8](repeating: 0, count: descriptors.isEmpty ? 0 : 16 + (descriptors.count * 4 + 7) & ~7)
        unsafe control.withUnsafeMutableBytes { room in
            guard !descriptors.isEmpty else { return }
            unsafe room.storeBytes(of: 16 + 4 * descriptors.count, as: Int.self)
            unsafe room.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
            unsafe room.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
            for (index, descriptor) in descriptors.enumerated() {
                unsafe room.storeBytes(of: descriptor, toByteOffset: 16 + 4 * index, as: CInt.self)
            }
        }
        let sent = unsafe content.withUnsafeMutableBytes { content in
            unsafe control.withUnsafeMutableBytes { control in
                var part = unsafe iovec(iov_base: content.baseAddress, iov_len: content.count)
                return unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    if control.count > 0 {
                        unsafe message.msg_control = control.baseAddress
                        unsafe message.msg_controllen = control.count
                    }
                    return unsafe sendmsg(socket.raw, &message, 0)
                }
            }
        }
        #expect(sent == bytes.count)
    }
}
