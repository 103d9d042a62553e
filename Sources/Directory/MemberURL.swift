// The URL of a member: https, a host and a port, and nothing else.
package import OperatingSystem

/// The URL under which a member is reached.
package struct MemberURL: Sendable, Hashable, CustomStringConvertible {
    package let endpoint: HostAndPort

    /// Always in one form, `https://host:port`, so that equal URLs are equal texts.
    package var text: String { "https://\(endpoint)" }

    package var description: String { text }

    package static let allowed =
        "https://host or https://host:port, port 1 to 65535 (\(HostAndPort.defaultPort) if not given)"

    /// Why a text is not the URL of a member.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case notEncrypted
        case otherScheme
        case userInformation
        case queryOrFragment
        case path
        case host
        case port

        package var description: String {
            switch self {
            case .notEncrypted: "http:// would carry cluster keys' proofs and all data in the clear; write https://"
            case .otherScheme: "a member is reached by https:// only"
            case .userInformation:
                "members know each other by cluster key, not by user name and password; remove what is before @"
            case .queryOrFragment: "a member's URL has no ? and no #"
            case .path: "a member's URL has no path after host and port"
            case .host: "the host is not a name in ASCII, an IPv4 address, or an IPv6 address in brackets"
            case .port: "the port is not a number from 1 to 65535"
            }
        }
    }

    package init(endpoint: HostAndPort) {
        self.endpoint = endpoint
    }

    package init(_ text: String) throws(Refusal) {
        let lowercased = text.lowercased()
        if lowercased.hasPrefix("http://") { throw .notEncrypted }
        guard lowercased.hasPrefix("https://") else { throw .otherScheme }
        var authority = text.dropFirst("https://".count)
        if authority.contains("@") { throw .userInformation }
        if authority.contains("?") || authority.contains("#") { throw .queryOrFragment }
        if authority.last == "/" { authority = authority.dropLast() }
        if authority.contains("/") { throw .path }
        guard let parts = HostAndPort.split(String(authority)) else { throw .host }
        var port = HostAndPort.defaultPort
        if let portText = parts.port {
            guard let number = HostAndPort.port(portText, in: 1...65535) else { throw .port }
            port = number
        }
        self.init(endpoint: HostAndPort(host: parts.host, port: port))
    }
}
