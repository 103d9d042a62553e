// The URL of a member: https, a host and a port, and nothing else.
package import OperatingSystem

/// The URL under which a member is reached.
package struct MemberURL: Sendable, Hashable, CustomStringConvertible {
    /// Where the member is connected to; the port is there even where the text had none.
    package let endpoint: HostAndPort

    /// Always in one form, `https://host:port`, so that equal URLs are equal texts.
    package var text: String { "https://\(endpoint)" }

    /// The same as `text`.
    package var description: String { text }

    /// What a URL of a member looks like, for messages that refuse one.
    package static let allowed =
        "https://host or https://host:port, port 1 to 65535 (\(HostAndPort.defaultPort) if not given)"

    /// Why a text is not the URL of a member.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        /// It begins with http://.
        case notEncrypted
        /// It begins with neither http:// nor https://.
        case otherScheme
        /// There is an @ before the host.
        case userInformation
        /// There is a ? or a #.
        case queryOrFragment
        /// There is more than a slash after host and port.
        case path
        /// The host is none that can be connected to.
        case host
        /// The port is not a number from 1 to 65535.
        case port

        /// What is wrong and what to do, in one line without the URL itself, which may hold a password.
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

    /// Of a host and a port from 1 to 65535, which are not checked again.
    package init(endpoint: HostAndPort) {
        self.endpoint = endpoint
    }

    /// Reads a text of a configuration or of another member. A slash at its end is passed over, capital letters become
    /// small, and the port is 3300 where none is given.
    ///
    /// - Throws: The first thing that is wrong.
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
