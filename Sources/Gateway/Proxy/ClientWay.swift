// The way that a client's request came, as the next hop is told of it.
package import HTTPTypes
import NIOCore

/// From which address, to which host and by which scheme a client asked the first member on the way.
package struct ClientWay: Sendable, Equatable {
    /// An IP address, or anything else where none is known.
    package var client: String
    /// What the client asked for, with the port where it named one; nil where it named none.
    package var host: String?
    /// `http` or `https`.
    package var scheme: String

    package init(client: String, host: String?, scheme: String) {
        self.client = client
        self.host = host
        self.scheme = scheme
    }

    /// What another member tells of a request that it carries; nil where it tells nothing.
    package init?(told field: (HTTPField.Name) -> String?) {
        guard let client = field(.forwardedFor) else { return nil }
        self.init(client: client, host: field(.forwardedHost), scheme: field(.forwardedProto) ?? "https")
    }

    /// The fields that tell it: `Forwarded` (RFC 7239), and those that were in use before.
    package var fields: [(name: HTTPField.Name, value: String)] {
        var told = [(HTTPField.Name.forwarded, forwarded), (.forwardedFor, client), (.forwardedProto, scheme)]
        if let host { told.append((.forwardedHost, host)) }
        return told
    }

    private var forwarded: String {
        var pairs = ["for=\(Self.value(node))", "proto=\(Self.value(scheme))"]
        if let host { pairs.insert("host=\(Self.value(host))", at: 1) }
        return pairs.joined(separator: ";")
    }

    /// How the client's address is written in `Forwarded` (RFC 7239, section 6).
    private var node: String {
        guard (try? SocketAddress(ipAddress: client, port: 0)) != nil else { return "unknown" }
        return client.contains(":") ? "[\(client)]" : client
    }

    /// A token as it is; anything else as a quoted string (RFC 9110, section 5.6).
    private static func value(_ text: String) -> String {
        let isToken = !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
        guard !isToken else { return text }
        let escaped = text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
        return "\"\(escaped)\""
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
