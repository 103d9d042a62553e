// Reads and writes the options of a connection, and names those of Node that are not supported.
package import JSON
import OperatingSystem
import Transport

extension ConnectionOptions: ConfigurationPart {
    package static let keys: [ConfigurationKey<ConnectionOptions>] = [
        .value(
            "ca", \.ca, type: "string, or list of up to \(authorityCountMax) strings",
            default: "the system's authorities",
            "Certificate authorities to trust; each a PEM text or the path of a PEM file.",
            read: { reader, name in readAuthorities(&reader, name) },
            write: { authorities in
                let texts = authorities.map { JSONValue.string($0.configured) }
                return texts.count > 1 ? .array(texts) : texts.first
            }),
        .optional(
            "cert", \.cert, type: "string", "The client certificate, as PEM text or path. Needs `key`.",
            read: { reader, name in
                reader.string(name, allowed: PEMSource.allowed("certificate")) { PEMSource($0, holds: "CERTIFICATE") }
            }, write: { .string($0.configured) }),
        .optional(
            "key", \.key, type: "string", "The private key of `cert`, as PEM text or path. Needs `cert`.",
            read: { reader, name in
                reader.string(name, allowed: PEMSource.allowed("private key"), isSecret: true) {
                    PEMSource($0, holds: "PRIVATE KEY")
                }
            }, write: { .string($0.configured) }),
        .optional(
            "passphrase", \.passphrase, type: "string, not empty", "Opens `key`.",
            read: { reader, name in
                reader.string(name, allowed: "a text that is not empty", isSecret: true) {
                    $0.isEmpty ? nil : SecretText($0)
                }
            }, write: { .string($0.revealed) }),
        .optional(
            "servername", \.servername, type: "host name, not an IP address", default: "the URL's host",
            "The name that the certificate must bear.",
            read: { reader, name in
                reader.string(name, allowed: "a host name, not an IP address") {
                    HostAndPort.isHostName($0) ? $0 : nil
                }
            }, write: { .string($0) }),
        .optional(
            "rejectUnauthorized", \.rejectUnauthorized, type: "boolean", default: "absent",
            "Whether the certificate must be signed by an authority.",
            read: { $0.optionalBoolean($1) }, write: { .bool($0) }),
        .value(
            "timeout", \.timeout,
            type:
                "whole number of milliseconds, \(timeoutMilliseconds.lowerBound) to \(timeoutMilliseconds.upperBound)",
            """
            How long connecting and the handshake may take, at all addresses of the host together. They are tried 250 ms \
            apart, and one that does TLS and then nothing is given half of what is left.
            """,
            read: { reader, name in
                reader.optionalInteger(name, in: timeoutMilliseconds, unit: "milliseconds").map { .milliseconds($0) }
            }, write: { .integer(Int64($0.wholeMilliseconds)) }),
        .boolean("keepAlive", \.keepAlive, "TCP probes on a quiet connection."),
        .boolean(
            "unbound", \.unbound,
            """
            Not an option of Node. A proxy in between ends TLS, so the link cannot be bound to the certificate of the \
            member. With it, `"rejectUnauthorized": false` is refused, because nothing would then protect the link.
            """),
        .value(
            "proxy", \.proxy,
            type: "string `http://host:port` or `http://user:password@host:port`, `\"\"` or `null`",
            default: "what the environment says",
            """
            Not an option of Node. The HTTP proxy through which the connection leaves the network; `""` and `null` mean \
            none, whatever the environment says. In user and password `%`, `@`, `:` and `/` are `%25`, `%40`, `%3A` and \
            `%2F`. See *Leaving the network through a proxy* in `operations.md`.
            """,
            read: { reader, name in readProxy(&reader, name) },
            write: { proxy in
                switch proxy {
                case .environment: nil
                case .noProxy: ""
                case .proxy(let proxy): .string(proxy.revealed)
                }
            }),
    ]

    /// Reads the options. Mistakes go to the reader's log, contradictions between options too.
    package init(from reader: inout ObjectReader) {
        self.init()
        let errorCountBefore = reader.log.errors.count
        readKeys(&reader)
        reader.finish(
            unsupported: Self.unsupportedNodeOptions, kind: "an option of Node's HTTPS agent")
        // Nothing follows from options that are wrong themselves.
        if reader.log.errors.count == errorCountBefore { reportContradictions(reader) }
    }

    /// Only what differs from the defaults.
    package func toJSON() -> JSONValue {
        let defaults = ConnectionOptions()
        var members: [String: JSONValue] = [:]
        for key in Self.keys {
            if let value = key.write(self), value != key.write(defaults) { members[key.name] = value }
        }
        return .object(members)
    }

    private static func readProxy(_ reader: inout ObjectReader, _ name: String) -> ProxyChoice {
        let allowed = "\(OutboundProxy.allowed), or \"\" for none"
        switch reader.value(name) {
        case nil: return .environment
        case .null?, .string("")?: return .noProxy
        case .string(let url)?:
            do throws(OutboundProxy.Mistake) {
                return .proxy(try OutboundProxy(url, writtenIn: "the option \"proxy\" of the connection"))
            } catch {
                // It may hold a password.
                reader.log.report(
                    .refused(found: ShownText.hidden, reason: error.description, allowed: allowed),
                    at: reader.place.key(name))
            }
        case let other?: reader.reject(name, other, allowed: allowed, isSecret: true)
        }
        return .environment
    }

    private static func readAuthorities(_ reader: inout ObjectReader, _ name: String) -> [PEMSource] {
        let allowed = PEMSource.allowed("certificate") + ", or a list of up to \(authorityCountMax) of these"
        let place = reader.place.key(name)
        var entries: [(place: JSONPlace, value: JSONValue)] = []
        switch reader.value(name) {
        case nil: return []
        case .array(let list)? where list.count <= authorityCountMax:
            entries = list.enumerated().map { (place.index($0.offset), $0.element) }
        case let single?:
            entries = [(place, single)]
        }
        return entries.compactMap { place, value in
            if case .string(let text) = value, let source = PEMSource(text, holds: "CERTIFICATE") { return source }
            reader.log.report(.notAllowed(found: ShownText.value(value), allowed: allowed), at: place)
            return nil
        }
    }

    private func reportContradictions(_ reader: ObjectReader) {
        let report = { (key: String, sentence: String) in
            reader.log.report(.contradiction(sentence), at: reader.place.key(key))
        }
        if unbound, rejectUnauthorized == false {
            report(
                "rejectUnauthorized",
                "rejectUnauthorized false is refused with unbound true, because nothing would then protect the link")
        }
        if cert != nil, key == nil {
            report("cert", "cert has no use without key, its private key; add key or remove cert")
        }
        if cert == nil, key != nil {
            report("key", "key has no use without cert, its certificate; add cert or remove key")
        }
        if passphrase != nil, key == nil { report("passphrase", "passphrase has no use without key; remove it") }
    }

    /// Options of Node's `https.Agent`, `http.Agent`, `tls.connect`, `tls.createSecureContext` and `net.connect`.
    static let unsupportedNodeOptions: Set<String> = [
        "ALPNCallback", "ALPNProtocols", "SNICallback", "agent", "agentKeepAliveTimeoutBuffer", "allowHalfOpen",
        "allowPartialTrustChain", "auth", "autoSelectFamily", "autoSelectFamilyAttemptTimeout", "blockList",
        "checkServerIdentity", "ciphers", "clientCertEngine", "createConnection", "crl", "defaultPort", "dhparam",
        "ecdhCurve", "enableTrace", "family", "fd", "headers", "highWaterMark", "hints", "honorCipherOrder", "host",
        "hostname", "insecureHTTPParser", "keepAliveInitialDelay", "keepAliveMsecs", "localAddress", "localPort",
        "lookup", "maxCachedSessions", "maxFreeSockets", "maxHeaderSize", "maxSockets", "maxTotalSockets", "maxVersion",
        "method", "minDHSize", "minVersion", "noDelay", "onread", "path", "pfx", "port", "privateKeyEngine",
        "privateKeyIdentifier", "protocol", "proxyEnv", "pskCallback", "requestCert", "requestOCSP", "scheduling",
        "secureContext", "secureOptions", "secureProtocol", "session", "sessionIdContext", "sessionTimeout",
        "sigalgs", "signal", "socket", "socketPath", "ticketKeys",
    ]
}

extension PEMSource {
    /// A text with a PEM header is PEM text, and must hold `label`; anything else is a path.
    init?(_ text: String, holds label: String) {
        guard text.contains("-----BEGIN") else {
            guard let path = FilePath.accepted(text), !path.contains(where: \.isNewline) else { return nil }
            self = .file(path)
            return
        }
        // Also `EC PRIVATE KEY`, `TRUSTED CERTIFICATE`; not `CERTIFICATE REQUEST`.
        guard text.contains(" \(label)-----"), text.contains("-----END") else { return nil }
        self = .text(SecretText(text))
    }

    static func allowed(_ content: String) -> String {
        "a \(content) as PEM text, or the path of a PEM file, absolute or relative to the configuration directory"
    }
}

extension Duration {
    /// Milliseconds, the rest cut off.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
