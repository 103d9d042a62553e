// What the environment says of proxies: HTTPS_PROXY and NO_PROXY.
package import OperatingSystem

/// Through which proxy hosts are connected to that nobody has said anything else about.
package struct ProxyRules: Sendable {
    /// The proxy; nil where there is none.
    package let proxy: OutboundProxy?
    private let exceptions: [ProxyException]

    /// No proxy for anybody.
    package static let none = ProxyRules(proxy: nil, exceptions: [])

    private init(proxy: OutboundProxy?, exceptions: [ProxyException]) {
        self.proxy = proxy
        self.exceptions = exceptions
    }

    /// Variables in small letters come first, as most programs have it; an empty one is as none.
    package init(environment: [String: String]) throws(ProxyVariableError) {
        func variable(_ name: String) -> (name: String, value: String)? {
            for name in [name.lowercased(), name] {
                if let value = environment[name] { return value.isEmpty ? nil : (name, value) }
            }
            return nil
        }
        guard let (name, url) = variable("HTTPS_PROXY") else {
            self = .none
            return
        }
        do throws(OutboundProxy.Mistake) {
            proxy = try OutboundProxy(url.contains("://") ? url : "http://\(url)", writtenIn: name)
        } catch {
            throw ProxyVariableError(name: name, mistake: error)
        }
        exceptions = ProxyException.list(variable("NO_PROXY")?.value ?? "")
    }

    /// The proxy for a host. There is none for this very host: at the proxy its names and addresses are another's.
    package func proxy(for destination: HostAndPort) -> OutboundProxy? {
        let host = destination.host.lowercased()
        let isOwn = AddressRange.isLoopback(host) || host.hasSuffix(".localhost")
        return isOwn || exceptions.contains { $0.contains(destination) } ? nil : proxy
    }
}

/// A variable that names no proxy. What it holds is not shown.
package struct ProxyVariableError: Error, Sendable, CustomStringConvertible {
    let name: String
    let mistake: OutboundProxy.Mistake

    /// The variable, what is wrong with it and what to do, in one line.
    package var description: String {
        "\(name) in the environment: \(mistake); write \(OutboundProxy.allowed) there, or take the variable away"
    }
}

/// One of the hosts that NO_PROXY names.
private struct ProxyException: Sendable {
    private enum Hosts {
        case all
        case range(AddressRange)
        /// A name, and all names below it.
        case names(String)
    }

    private let hosts: Hosts
    /// Nil for every port.
    private let port: Int?

    static func list(_ text: String) -> [ProxyException] {
        text.split { $0 == "," || $0.isWhitespace }.compactMap { ProxyException(String($0).lowercased()) }
    }

    /// An element of the list. One that is nothing of all this stands for no host, as it does for other programs.
    private init?(_ text: String) {
        if text == "*" {
            (hosts, port) = (.all, nil)
        } else if let range = AddressRange(text, cuttingOff: true) {
            (hosts, port) = (.range(range), nil)
        } else {
            let name = text.hasPrefix("*.") ? text.dropFirst(2) : text.hasPrefix(".") ? text.dropFirst() : text[...]
            guard let parts = HostAndPort.split(String(name)) else { return nil }
            port = parts.port.flatMap { HostAndPort.port($0, in: 1...65535) }
            guard (port == nil) == (parts.port == nil) else { return nil }
            hosts = AddressRange(parts.host).map { .range($0) } ?? .names(parts.host)
        }
    }

    func contains(_ destination: HostAndPort) -> Bool {
        guard port == nil || port == destination.port else { return false }
        let host = destination.host.lowercased()
        switch hosts {
        case .all: return true
        case .range(let range): return range.contains(host)
        case .names(let name): return host == name || host.hasSuffix(".\(name)")
        }
    }
}
