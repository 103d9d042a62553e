// Addresses of Unix sockets, and who is at the other end of one.
package import Glibc

/// A path as the kernel wants it.
package enum UnixAddress {
    /// What fits into a `sockaddr_un` with its closing zero.
    package static let pathBytesMax = 107

    /// Calls `body` with the address of a path.
    package static func with(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(SystemError) -> CInt {
        guard path.utf8.count <= pathBytesMax else { throw .socketPathTooLong(path: path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: path.utf8)
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe body(generic, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// A new socket, non-blocking, not inherited.
    package static func makeSocket(_ type: __socket_type, subject: String) throws(SystemError) -> OwnedDescriptor {
        let flags = CInt(type.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = socket(AF_UNIX, flags, 0)
        guard raw >= 0 else { throw .call(name: "socket", subject: subject, code: errno) }
        return OwnedDescriptor(adopting: raw)
    }

    /// Two connected ends of a stream in one process, the first non-blocking, neither inherited.
    package static func makeStreamPair() throws(SystemError) -> (OwnedDescriptor, OwnedDescriptor) {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw .call(name: "socketpair", subject: "a pair of sockets", code: errno)
        }
        let pair = (OwnedDescriptor(adopting: ends[0]), OwnedDescriptor(adopting: ends[1]))
        try pair.0.setNonBlocking()
        return pair
    }

    /// Connects to whoever listens at a path. Unix sockets connect at once or not at all.
    package static func connect(_ type: __socket_type, _ path: String) throws(SystemError) -> OwnedDescriptor {
        let descriptor = try makeSocket(type, subject: path)
        while true {
            if try unsafe with(path, { unsafe Glibc.connect(descriptor.raw, $0, $1) }) == 0 { return descriptor }
            guard errno == EINTR else { throw .call(name: "connect", subject: path, code: errno) }
        }
    }
}

extension UnixAddress {
    /// Refuses a descriptor that is not a connected Unix stream socket, and makes it non-blocking.
    package static func checkStream(_ descriptor: OwnedDescriptor) throws(SystemError) {
        let domain = try option(SO_DOMAIN, of: descriptor)
        let type = try option(SO_TYPE, of: descriptor)
        guard domain == AF_UNIX, type == CInt(SOCK_STREAM.rawValue) else {
            throw .brokenPacket(detail: "its descriptor is not a Unix stream socket")
        }
        try descriptor.setNonBlocking()
    }

    private static func option(_ name: CInt, of descriptor: OwnedDescriptor) throws(SystemError) -> CInt {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptor.raw, SOL_SOCKET, name, &value, &size) == 0 else {
            throw .brokenPacket(detail: "its descriptor is not a socket")
        }
        return value
    }
}

/// Who had a socket's other end when it was connected, or made it listen.
package struct PeerCredentials: Hashable, Sendable {
    /// For messages alone: another process may have it by now.
    package let pid: pid_t
    /// The user as whom the process ran; what a peer may do is judged by this.
    package let uid: uid_t
    /// The primary group of the process.
    package let gid: gid_t

    /// Asks the kernel about a Unix socket, connected or listening.
    package init(of descriptor: OwnedDescriptor) throws(SystemError) {
        // `struct ucred`, which the C library declares for _GNU_SOURCE only: three 32-bit numbers.
        var words: [UInt32] = [0, 0, 0]
        var size = socklen_t(12)
        guard unsafe getsockopt(descriptor.raw, SOL_SOCKET, SO_PEERCRED, &words, &size) == 0, size == 12 else {
            throw .call(name: "getsockopt", subject: "a peer's credentials", code: errno)
        }
        pid = pid_t(bitPattern: words[0])
        uid = words[1]
        gid = words[2]
    }
}
