// Which requests are served: those that every hop on their way reads alike (RFC 9112).
import NIOHTTP1

/// Tells requests that are served from those that are refused.
package enum RequestRules {
    /// Methods that something here is asked with. Of TRACE and CONNECT, and of many that only some know, not every hop
    /// knows whether a body follows: the encoder of requests lets the length of one for TRACE fall, and not the body.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    /// The request as it is served, its target in origin form; nil where two readers could take it differently.
    static func accepted(_ head: HTTPRequestHead) -> HTTPRequestHead? {
        let hosts = head.headers["host"]
        guard isServed(method: head.method.rawValue), hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0),
            hosts.allSatisfy(isAuthority), isPlainlyFramed(head), let target = originForm(head.uri, host: hosts.first)
        else { return nil }
        var head = head
        head.uri = target
        return head
    }

    /// Whether requests by this method are served. Case counts.
    package static func isServed(method: String) -> Bool { methods.contains(method) }

    /// Whether a target is in origin form, of the characters that may stand there (RFC 3986) and that no hop changes. `*` is
    /// for OPTIONS.
    package static func isPlain(_ target: String) -> Bool {
        (target.hasPrefix("/") || target == "*") && target.utf8.allSatisfy(isPlain)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "-._~:/?[]@!$&'()*+,;=%".utf8.contains(byte)
    }

    /// A body ends in one way that every hop knows. Other codings than this one would be left within the body.
    private static func isPlainlyFramed(_ head: HTTPRequestHead) -> Bool {
        let codings = head.headers["transfer-encoding"]
        guard let coding = codings.first else { return true }
        let name = coding.lowercased().filter { $0 != " " && $0 != "\t" }
        return head.version == .http1_1 && codings.count == 1 && name == "chunked"
    }

    /// Whether a text could be a host and a port. Which ones are meant does not matter: nothing is routed by them.
    private static func isAuthority(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || "-._~:[]".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// The target without scheme and host, where it has the same host as the request's field.
    private static func originForm(_ target: String, host: String?) -> String? {
        if isPlain(target) { return target }
        let scheme = ["http://", "https://"].first { target.lowercased().hasPrefix($0) }
        guard let scheme, let host, target.utf8.allSatisfy(isPlain) else { return nil }
        let rest = target.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard authority.lowercased() == host.lowercased() else { return nil }
        let path = rest.dropFirst(authority.count)
        return path.hasPrefix("/") ? String(path) : "/\(path)"
    }
}
