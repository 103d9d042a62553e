// Whole packets over a Unix socket, each with a few file descriptors at most.
package import Glibc

/// One packet, with the descriptors that came along.
package struct Packet: Sendable {
    /// 1 to `PacketSocket.packetBytesMax` of them.
    package let bytes: [UInt8]
    /// Those that came along, in their order, at most as many as the receiver allows. They may be of anything: what is not
    /// expected is for the receiver to refuse.
    package let descriptors: [OwnedDescriptor]

    /// The only one that came along, if any.
    package var descriptor: OwnedDescriptor? { descriptors.first }
}

/// What a look at a socket of packets finds.
package enum PacketArrival: Sendable {
    case packet(Packet)
    /// The connection is there and nothing has come.
    case nothingYet
    /// The connection has ended.
    case end
}

/// One end of a connection of packets (SOCK_SEQPACKET).
///
/// Nothing is queued in this process: a packet is in the kernel's buffer, or sending it failed.
package final class PacketSocket: Sendable {
    /// No packet is longer; what does not fit travels as a descriptor of a file.
    package static let packetBytesMax = 65_536

    /// Who was at the other end when the connection came about; the kernel says so, not the peer.
    package let peer: PeerCredentials
    /// For loops of their own, which wait for several things at once; reading and writing are this object's.
    package let descriptor: OwnedDescriptor

    /// Takes over a connected socket of packets, which has to be non-blocking.
    package init(adopting descriptor: OwnedDescriptor) throws(SystemError) {
        self.descriptor = descriptor
        peer = try PeerCredentials(of: descriptor)
    }

    /// Connects to whoever listens at a path, if that is a process of the user `uid`.
    package static func connect(_ path: String, to uid: uid_t) throws(SystemError) -> PacketSocket {
        let socket = try PacketSocket(adopting: UnixAddress.connect(SOCK_SEQPACKET, path))
        guard socket.peer.uid == uid else { throw .wrongPeer(path: path, uid: socket.peer.uid, wanted: uid) }
        return socket
    }

    /// Two connected ends in one process.
    package static func makePair() throws(SystemError) -> (PacketSocket, PacketSocket) {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw .call(name: "socketpair", subject: "a pair of sockets", code: errno)
        }
        let first = OwnedDescriptor(adopting: ends[0])
        let second = OwnedDescriptor(adopting: ends[1])
        return (try PacketSocket(adopting: first), try PacketSocket(adopting: second))
    }

    /// Sends one packet now. When the other end does not read and the kernel's buffer is full, the connection is closed
    /// and the error is `peerTooSlow`.
    package func send(_ bytes: [UInt8], descriptor attached: OwnedDescriptor? = nil) throws(SystemError) {
        try send(bytes, descriptors: attached.map { [$0] } ?? [])
    }

    /// Sends one packet now, with descriptors that the receiver gets in this order; otherwise like `send(_:descriptor:)`.
    package func send(_ bytes: [UInt8], descriptors attached: [OwnedDescriptor]) throws(SystemError) {
        guard try trySend(bytes, attached) else {
            close()
            throw .peerTooSlow
        }
    }

    /// Sends one packet, after waiting up to `limit` for the other end to make room.
    package func send(
        _ bytes: [UInt8], descriptor attached: OwnedDescriptor? = nil, within limit: Duration
    ) async throws(SystemError) {
        let deadline = ContinuousClock.now + limit
        while try !trySend(bytes, attached.map { [$0] } ?? []) {
            let rest = ContinuousClock.now.duration(to: deadline)
            let isWritable = await TimeLimit.run(rest) { await Readiness.untilWritable(self.descriptor) } != nil
            guard isWritable, !Task.isCancelled else {
                close()
                throw .peerTooSlow
            }
        }
    }

    /// The next packet; `nil` at the end of the connection or when the task is cancelled.
    package func receive() async throws(SystemError) -> Packet? {
        while !Task.isCancelled {
            switch try receiveNow() {
            case .packet(let packet): return packet
            case .end: return nil
            case .nothingYet: await Readiness.untilReadable(descriptor)
            }
        }
        return nil
    }

    /// What there is at this moment. A packet with more descriptors than `descriptorCountMax` ends the connection.
    package func receiveNow(descriptorCountMax: Int = 1) throws(SystemError) -> PacketArrival {
        guard let received = try tryReceive(descriptorCountMax) else { return .nothingYet }
        return received.bytes.isEmpty ? .end : .packet(received)
    }

    /// Ends the connection in both directions: whoever waits here or there is told. The descriptor itself is closed
    /// with this object, when nobody uses it any more.
    package func close() {
        _ = shutdown(descriptor.raw, CInt(SHUT_RDWR))
    }
}

// A control message that carries descriptors: a header of a length, a level and a type, then the numbers. The C
// library's macros for it are not imported.
private let headerBytes = 16
/// Room for more descriptors than are allowed, so that too many are noticed and closed.
private let controlBytesMax = 64

extension PacketSocket {
    /// `false` when there is no room.
    private func trySend(_ bytes: [UInt8], _ attached: [OwnedDescriptor]) throws(SystemError) -> Bool {
        guard (1...Self.packetBytesMax).contains(bytes.count) else { throw .packetSize(bytes: bytes.count) }
        var control: [UInt8] = []
        if !attached.isEmpty {
            let length = headerBytes + attached.count * MemoryLayout<CInt>.size
            // Each message ends at a multiple of 8.
            control = [UInt8](repeating: 0, count: (length + 7) & ~7)
            unsafe control.withUnsafeMutableBytes { room in
                unsafe room.storeBytes(of: length, as: Int.self)
                unsafe room.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
                unsafe room.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
                for (place, descriptor) in attached.enumerated() {
                    let offset = headerBytes + place * MemoryLayout<CInt>.size
                    unsafe room.storeBytes(of: descriptor.raw, toByteOffset: offset, as: CInt.self)
                }
            }
        }
        while true {
            // The kernel only reads; the bytes may be a secret, of which no copy is made.
            let sent = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Self.withMessage(UnsafeMutableRawBufferPointer(mutating: bytes), &control) { message in
                    unsafe sendmsg(descriptor.raw, &message, CInt(MSG_NOSIGNAL))
                }
            }
            if sent == bytes.count { return true }
            switch sent < 0 ? errno : EMSGSIZE {
            case EINTR: continue
            case EAGAIN: return false
            case EPIPE, ECONNRESET, ENOTCONN: throw .closed
            case let code: throw .call(name: "sendmsg", subject: "a packet", code: code)
            }
        }
    }

    /// `nil` when nothing has come yet; an empty packet at the end.
    private func tryReceive(_ descriptorCountMax: Int) throws(SystemError) -> Packet? {
        var content = [UInt8](repeating: 0, count: Self.packetBytesMax)
        var control = [UInt8](repeating: 0, count: controlBytesMax)
        while true {
            var flags: CInt = 0
            var controlCount = 0
            let count = unsafe content.withUnsafeMutableBytes { content in
                unsafe Self.withMessage(content, &control) { message in
                    let count = unsafe recvmsg(descriptor.raw, &message, CInt(MSG_CMSG_CLOEXEC))
                    flags = unsafe message.msg_flags
                    controlCount = unsafe message.msg_controllen
                    return count
                }
            }
            guard count >= 0 else {
                switch errno {
                case EINTR: continue
                case EAGAIN: return nil
                case ECONNRESET: return Packet(bytes: [], descriptors: [])
                default: throw .call(name: "recvmsg", subject: "a packet", code: errno)
                }
            }
            // Owned from here on, so that every way out of here closes what is not returned.
            let attached = Self.descriptors(in: control.prefix(controlCount))
            guard flags & CInt(MSG_TRUNC) == 0 else {
                throw refused("it is longer than \(Self.packetBytesMax) bytes")
            }
            guard flags & CInt(MSG_CTRUNC) == 0, attached.count <= descriptorCountMax else {
                throw refused("it carries more than \(descriptorCountMax) descriptors")
            }
            return Packet(bytes: Array(content.prefix(count)), descriptors: attached)
        }
    }

    private func refused(_ detail: String) -> SystemError {
        close()
        return .brokenPacket(detail: detail)
    }

    private static func withMessage(
        _ content: UnsafeMutableRawBufferPointer, _ control: inout [UInt8], _ body: (inout msghdr) -> Int
    ) -> Int {
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
                return unsafe body(&message)
            }
        }
    }

    private static func descriptors(in control: ArraySlice<UInt8>) -> [OwnedDescriptor] {
        var found: [OwnedDescriptor] = []
        unsafe control.withUnsafeBytes { bytes in
            var offset = 0
            while offset + headerBytes <= bytes.count {
                let length = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Int.self)
                let level = unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: CInt.self)
                let type = unsafe bytes.loadUnaligned(fromByteOffset: offset + 12, as: CInt.self)
                guard length >= headerBytes, offset + length <= bytes.count else { break }
                if level == SOL_SOCKET, type == CInt(SCM_RIGHTS) {
                    for place in stride(from: offset + headerBytes, to: offset + length - 3, by: 4) {
                        found.append(
                            OwnedDescriptor(adopting: unsafe bytes.loadUnaligned(fromByteOffset: place, as: CInt.self)))
                    }
                }
                // Each message begins at a multiple of 8.
                offset += (length + 7) & ~7
            }
        }
        return found
    }
}
