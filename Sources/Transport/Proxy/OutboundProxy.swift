// The HTTP proxy through which connections leave the network: its URL, and who says that it is to be used.
package import OperatingSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A proxy that opens connections to other hosts when it is asked by CONNECT (RFC 9110, section 9.3.6).
///
/// It prints as its host and port, whatever it is a part of: its URL may hold a password.
package struct OutboundProxy: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Where it is connected to, in the clear.
    package let endpoint: HostAndPort
    /// Where its URL is written, for people who have to change it.
    package let place: String
    /// The URL itself, with user and password. For the file that it is written to, never for messages.
    package let revealed: String
    /// What the field `Proxy-Authorization` says; nil without a user.
    let authorization: String?

    /// Host and port.
    package var description: String { endpoint.description }
    /// Host and port.
    package var debugDescription: String { description }
    /// Host and port alone, so that a dump shows no password.
    package var customMirror: Mirror { Mirror(self, children: ["endpoint": endpoint]) }

    /// What the URL of a proxy looks like, for messages that refuse one.
    package static let allowed = "http://host:port or http://user:password@host:port"

    /// Why a text is no such URL. It shows nothing of it.
    package enum Mistake: Error, Sendable, Equatable, CustomStringConvertible {
        case scheme, userInformation, rest, host, port

        /// What is wrong and what to write, in one line.
        package var description: String {
            switch self {
            case .scheme: "a proxy is asked by http:// only; what goes through it is encrypted all the same"
            case .userInformation:
                "the user or password is not written as URLs have it: % and @ in them are %25 and %40, and so on"
            case .rest: "the URL of a proxy has no path, no ? and no # after host and port"
            case .host: "the host is not a name in ASCII, an IPv4 address, or an IPv6 address in brackets"
            case .port: "there is no port from 1 to 65535 after the host"
            }
        }
    }

    /// - Parameter place: Where the URL is written.
    package init(_ url: String, writtenIn place: String) throws(Mistake) {
        guard url.lowercased().hasPrefix("http://") else { throw .scheme }
        var rest = url.dropFirst("http://".count)
        if let at = rest.lastIndex(of: "@") {
            authorization = try Self.authorization(rest[..<at])
            rest = rest[rest.index(after: at)...]
        } else {
            authorization = nil
        }
        if rest.last == "/" { rest = rest.dropLast() }
        guard !rest.contains(where: { "/?#".contains($0) }) else { throw .rest }
        guard let parts = HostAndPort.split(String(rest)) else { throw .host }
        guard let port = parts.port.flatMap({ HostAndPort.port($0, in: 1...65535) }) else { throw .port }
        endpoint = HostAndPort(host: parts.host, port: port)
        self.place = place
        revealed = url
    }

    /// Basic authentication (RFC 7617).
    private static func authorization(_ userInformation: Substring) throws(Mistake) -> String {
        let parts = userInformation.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.compactMap { decodingPercents($0) }
        guard decoded.count == parts.count, let user = decoded.first, !user.contains(UInt8(ascii: ":")) else {
            throw .userInformation
        }
        let password = decoded.count > 1 ? decoded[1] : []
        return "Basic " + Data(user + [UInt8(ascii: ":")] + password).base64EncodedString()
    }

    private static func decodingPercents(_ text: Substring) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            decoded.append(value)
            rest = rest.dropFirst(2)
        }
        return decoded
    }
}

/// Through which proxy a connection goes.
package enum ProxyChoice: Sendable, Hashable {
    /// The one that the environment names for its host, if any.
    case environment
    /// None, whatever the environment says.
    case noProxy
    /// This one, whatever the environment says.
    case proxy(OutboundProxy)
}
