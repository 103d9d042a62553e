// A host and a port: syntax of listen addresses and of the authority of a URL.

/// A host name or IP address, and a TCP port.
package struct HostAndPort: Sendable, Hashable, CustomStringConvertible {
    /// The port of every member unless configured otherwise.
    package static let defaultPort = 3300

    /// In small letters; an IPv6 address without brackets.
    package let host: String

    /// 1 to 65535; 0 only where a listen address leaves the choice to the system.
    package let port: Int

    /// `host:port`, an IPv6 address in brackets.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Of parts that were checked before: nothing is looked at here.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads a listen address: the port is required, and 0 means any free one.
    package init?(listenAddress text: String) {
        guard let parts = Self.split(text), let portText = parts.port, let port = Self.port(portText, in: 0...65535)
        else { return nil }
        self.init(host: parts.host, port: port)
    }

    /// Splits `host`, `host:port`, `[address]` or `[address]:port`, and checks the host, but not yet the port.
    package static func split(_ text: String) -> (host: String, port: String?)? {
        var host = text[...]
        var port: String?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : String(rest.dropFirst())
            guard isIPv6(String(host)) else { return nil }
        } else {
            if let colon = text.firstIndex(of: ":") {
                host = text[..<colon]
                port = String(text[text.index(after: colon)...])
            }
            guard isHostName(String(host)) || isIPv4(String(host)) else { return nil }
        }
        return (host.lowercased(), port)
    }

    /// A port in plain digits.
    package static func port(_ text: String, in range: ClosedRange<Int>) -> Int? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(text), range.contains(port)
        else { return nil }
        return port
    }

    /// A DNS name in ASCII (RFC 1123), with underscores, which some sites use.
    ///
    /// Nothing but digits and dots is a mistyped address.
    package static func isHostName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        guard !text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || isDigit($0) }) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last, label.count <= 63 else { return false }
            guard first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else { return false }
            return label.allSatisfy {
                isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
        }
    }

    /// Whether a text is an IPv4 address, also one in IPv6 notation such as `::ffff:192.0.2.7`.
    package static func isIPv4(_ text: String) -> Bool {
        AddressRange.addressBytes(text)?.count == 4
    }

    /// Whether a text is an address in IPv6 notation, without brackets and without a zone.
    package static func isIPv6(_ text: String) -> Bool {
        text.contains(":") && AddressRange.addressBytes(text) != nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
