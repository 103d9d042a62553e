// What a host's name stands for, and whether anything takes connections there: for those who look for what is wrong.
import Glibc
import NIOCore
import NIOPosix
import OperatingSystem

/// A name that is looked up as connections do it.
package enum NameLookup {
    /// The addresses of a name, each once, in the system's order; an address stands for itself. Off the event loops.
    ///
    /// - Throws: `DialError` with what the system says.
    package static func addresses(of name: String) async throws(DialError) -> [String] {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try lookUp(name) }
        } catch {
            throw error as? DialError ?? DialError("\(error)")
        }
    }

    private static func lookUp(_ name: String) throws(DialError) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(name, nil, &hints, &found)
        guard status == 0, let first = unsafe found else {
            throw DialError(unsafe String(cString: gai_strerror(status)))
        }
        defer { unsafe freeaddrinfo(first) }
        var addresses: [String] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let info = unsafe next {
            if let address = unsafe text(of: info.pointee), !addresses.contains(address) { addresses.append(address) }
            unsafe next = unsafe info.pointee.ai_next
        }
        return addresses
    }

    private static func text(of info: addrinfo) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = unsafe getnameinfo(
            info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard status == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension HostDialler {
    /// Connects without saying anything, and hangs up.
    ///
    /// - Returns: The address that took the connection: the proxy's, where one leads there.
    /// - Throws: `DialError`.
    package func knock(_ dial: HostDial) async throws(DialError) -> String {
        let first = proxyEndpoint(dial) ?? dial.destination
        do {
            let channel = try await ClientBootstrap(group: next())
                .connectTimeout(TimeAmount(dial.timeout))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard proxyEndpoint(dial) == nil, let mayReach = dial.mayReach else { return }
                        try channel.pipeline.syncOperations.addHandler(AddressFilter(mayReach: mayReach))
                    }
                }
                .connect(host: first.host, port: first.port).get()
            let address = channel.remoteAddress?.ipAddress ?? first.host
            channel.close(promise: nil)
            return address
        } catch {
            throw DialError(ConnectionFailure.explain(error, dial))
        }
    }
}
