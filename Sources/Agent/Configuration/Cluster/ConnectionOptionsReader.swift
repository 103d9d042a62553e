// Reads and writes the options of a connection, and names those of Node that are not supported.
import JSON
import OperatingSystem

extension ConnectionOptions {
    init(from reader: inout ObjectReader) {
        self.init()
        let errorCountBefore = reader.log.errors.count
        ca = Self.readAuthorities(&reader)
        cert = reader.string("cert", allowed: PEMSource.allowed("certificate")) { PEMSource($0, holds: "CERTIFICATE") }
        key = reader.string("key", allowed: PEMSource.allowed("private key"), isSecret: true) {
            PEMSource($0, holds: "PRIVATE KEY")
        }
        passphrase = reader.string("passphrase", allowed: "a text that is not empty", isSecret: true) {
            $0.isEmpty ? nil : SecretText($0)
        }
        servername = reader.string("servername", allowed: "a host name, not an IP address") {
            HostAndPort.isHostName($0) ? $0 : nil
        }
        rejectUnauthorized = reader.optionalBoolean("rejectUnauthorized")
        let milliseconds = reader.integer(
            "timeout", in: Self.timeoutMilliseconds, unit: "milliseconds", default: timeout.wholeMilliseconds)
        timeout = .milliseconds(milliseconds)
        keepAlive = reader.boolean("keepAlive", default: keepAlive)
        unbound = reader.boolean("unbound", default: unbound)
        proxy = Self.readProxy(&reader)
        reader.finish(
            unsupported: Self.unsupportedNodeOptions, kind: "an option of Node's HTTPS agent")
        // Nothing follows from options that are wrong themselves.
        if reader.log.errors.count == errorCountBefore { reportContradictions(reader) }
    }

    /// Only what differs from the defaults.
    func toJSON() -> JSONValue {
        let defaults = ConnectionOptions()
        var members: [String: JSONValue] = [:]
        if ca.count == 1 { members["ca"] = .string(ca[0].configured) }
        if ca.count > 1 { members["ca"] = .array(ca.map { .string($0.configured) }) }
        if let cert { members["cert"] = .string(cert.configured) }
        if let key { members["key"] = .string(key.configured) }
        if let passphrase { members["passphrase"] = .string(passphrase.revealed) }
        if let servername { members["servername"] = .string(servername) }
        if let rejectUnauthorized { members["rejectUnauthorized"] = .bool(rejectUnauthorized) }
        if timeout != defaults.timeout { members["timeout"] = .integer(Int64(timeout.wholeMilliseconds)) }
        if keepAlive != defaults.keepAlive { members["keepAlive"] = .bool(keepAlive) }
        if unbound != defaults.unbound { members["unbound"] = .bool(unbound) }
        switch proxy {
        case .environment: break
        case .noProxy: members["proxy"] = ""
        case .proxy(let proxy): members["proxy"] = .string(proxy.revealed)
        }
        return .object(members)
    }

    private static func readProxy(_ reader: inout ObjectReader) -> ProxyChoice {
        let allowed = "\(OutboundProxy.allowed), or \"\" for none"
        switch reader.value("proxy") {
        case nil: return .environment
        case .null?, .string("")?: return .noProxy
        case .string(let url)?:
            do throws(OutboundProxy.Mistake) {
                return .proxy(try OutboundProxy(url, writtenIn: "the option \"proxy\" of the connection"))
            } catch {
                // It may hold a password.
                reader.log.report(
                    .refused(found: ShownText.hidden, reason: error.description, allowed: allowed),
                    at: reader.place.key("proxy"))
            }
        case let other?: reader.reject("proxy", other, allowed: allowed, isSecret: true)
        }
        return .environment
    }

    private static func readAuthorities(_ reader: inout ObjectReader) -> [PEMSource] {
        let allowed = PEMSource.allowed("certificate") + ", or a list of up to \(authorityCountMax) of these"
        let place = reader.place.key("ca")
        var entries: [(place: JSONPlace, value: JSONValue)] = []
        switch reader.value("ca") {
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
