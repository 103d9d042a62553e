// Which fields of a request or an answer go on to the next hop (RFC 9110, section 7.6.1), and which are the proxy's own.
package import HTTPTypes

/// The rule, which is one for requests and answers.
package enum HopFields {
    /// Fields that concern one connection, or that only members may set.
    private static let dropped: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "forwarded", "x-real-ip", "content-length", "host", "expect",
        HTTPField.Name.carrier.canonicalName, HTTPField.Name.refusal.canonicalName,
        HTTPField.Name.placement.canonicalName,
    ]
    /// Where a request comes from, as proxies say it: `X-Forwarded-For` and many others.
    private static let droppedPrefix = "x-forwarded-"

    /// What goes on.
    package static func passed(_ fields: HTTPFields) -> HTTPFields {
        var named: Set<String> = []
        for value in fields[values: .connection] {
            for name in value.split(separator: ",") {
                named.insert(name.lowercased().filter { $0 != " " && $0 != "\t" })
            }
        }
        var passed = HTTPFields()
        for field in fields {
            let name = field.name.canonicalName
            if dropped.contains(name) || name.hasPrefix(droppedPrefix) || named.contains(name) { continue }
            passed.append(field)
        }
        return passed
    }
}
