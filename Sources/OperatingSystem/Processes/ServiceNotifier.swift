// Tells systemd that the daemon is ready, reloading or stopping.
import Glibc

/// The readiness protocol of `sd_notify(3)`: one datagram for each message, sent to the socket that `NOTIFY_SOCKET`
/// names.
///
/// Without the variable every call does nothing. A failure is returned for the log; it is no reason to end the daemon.
package struct ServiceNotifier: Sendable {
    /// What fits into a `sockaddr_un` with its closing zero.
    package static let addressBytesMax = 107
    /// How long a send may wait for a full queue at systemd's end, in seconds.
    package static let sendSecondsMax = 5
    /// Longer status lines are cut, in bytes.
    package static let statusBytesMax = 1_024

    /// `nil` when nobody wants to know.
    private let address: String?

    /// `address` is a path, or an abstract name that starts with `@`; `nil` for no notifications.
    package init(address: String?) throws(SystemError) {
        if let address {
            guard address.utf8.count > 1, address.utf8.count <= Self.addressBytesMax,
                address.hasPrefix("/") || address.hasPrefix("@")
            else { throw .notifyAddress(address) }
        }
        self.address = address
    }

    /// Reads `NOTIFY_SOCKET` and removes it, so that no child of ours can speak for us.
    ///
    /// To be called at the start, before other threads: the environment has no lock.
    package static func takeFromEnvironment() throws(SystemError) -> ServiceNotifier {
        guard let value = unsafe getenv("NOTIFY_SOCKET") else { return try ServiceNotifier(address: nil) }
        let address = unsafe String(cString: value)
        unsafe unsetenv("NOTIFY_SOCKET")
        return try ServiceNotifier(address: address.isEmpty ? nil : address)
    }

    /// Whether messages go anywhere.
    package var isActive: Bool { address != nil }

    /// The daemon serves from now on; also ends a `reloading`.
    package func ready(status: String) -> SystemError? {
        send("READY=1\n" + Self.statusLine(status))
    }

    /// The configuration is being read again; `ready` must follow.
    ///
    /// `monotonicMicroseconds` is the time on `CLOCK_MONOTONIC`, by which systemd tells this reload from an earlier
    /// one.
    package func reloading(monotonicMicroseconds: UInt64 = Self.monotonicMicroseconds()) -> SystemError? {
        send("RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds)\n")
    }

    /// The daemon has begun to end.
    package func stopping() -> SystemError? {
        send("STOPPING=1\n")
    }

    /// One line for `systemctl status`.
    package func status(_ text: String) -> SystemError? {
        send(Self.statusLine(text))
    }

    /// Now, on `CLOCK_MONOTONIC`; it also counts no time that the host sleeps.
    package static func monotonicMicroseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1_000
    }

    /// A line break would start another assignment, so control characters become spaces.
    private static func statusLine(_ text: String) -> String {
        var line = "STATUS="
        for scalar in text.unicodeScalars {
            let shown: Unicode.Scalar = scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar
            guard line.utf8.count + UTF8.width(shown) <= statusBytesMax else { break }
            line.unicodeScalars.append(shown)
        }
        return line + "\n"
    }

    private func send(_ message: String) -> SystemError? {
        guard let address else { return nil }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .call(name: "socket", subject: address, code: errno) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: Self.sendSecondsMax, tv_usec: 0)
        guard
            unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0
        else { return .call(name: "setsockopt", subject: address, code: errno) }

        let (target, count) = Self.socketAddress(address)
        let bytes = Array(message.utf8)
        while true {
            let sent = unsafe withUnsafePointer(to: target) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    unsafe sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), generic, count)
                }
            }
            if sent == bytes.count { return nil }
            if sent < 0, errno == EINTR { continue }
            return .call(name: "sendto", subject: address, code: sent < 0 ? errno : EMSGSIZE)
        }
    }

    /// An abstract name has a zero byte for its `@` and no zero at its end.
    private static func socketAddress(_ text: String) -> (sockaddr_un, socklen_t) {
        var bytes = Array(text.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
            unsafe path.copyBytes(from: bytes.prefix(path.count - 1))
        }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? MemoryLayout<sa_family_t>.size
        return (address, socklen_t(start + bytes.count + (isAbstract ? 0 : 1)))
    }
}
