// What TLS between members is, at both ends and whatever is spoken on it: versions, ciphers, whose certificate is believed.
import NIOCore
package import NIOSSL
import Synchronization
import Trust

/// By what the certificate of a host that is connected to is believed.
package enum CertificateTrust: Sendable, Hashable {
    /// By nothing: what is spoken on the connection proves it.
    case proven
    /// It is the one with this SHA-256, so that no authority is needed and none can err.
    case pinned([UInt8])
    /// One of these authorities has signed it, or one of the system's where there are none.
    case signed(by: [NIOSSLCertificate]?)
}

/// How the TLS of a connection to a host comes up.
package struct TLSTerms: Sendable, Hashable {
    /// Whose certificate is believed.
    package let trust: CertificateTrust
    /// The name that the certificate must have, and that is sent in the TLS hello; nil for the host's.
    package let serverName: String?
    /// For a host that asks for one.
    package let clientCertificate: [NIOSSLCertificate]
    /// The key of `clientCertificate`; nil where there is none.
    package let clientKey: NIOSSLPrivateKey?

    /// By default the host's own name counts, and no certificate is shown.
    package init(
        trust: CertificateTrust, serverName: String? = nil, clientCertificate: [NIOSSLCertificate] = [],
        clientKey: NIOSSLPrivateKey? = nil
    ) {
        self.trust = trust
        self.serverName = serverName
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
    }

    var isPinned: Bool { if case .pinned = trust { true } else { false } }

    /// The handler of a connection.
    ///
    /// - Parameter hostName: Nil where the host is an address.
    func makeHandler(hostName: String?) throws -> NIOSSLClientHandler {
        let context = try TLSPolicy.clientContext(self)
        let name = serverName ?? hostName
        guard case .pinned(let expected) = trust else {
            return try NIOSSLClientHandler(context: context, serverHostname: name)
        }
        return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, result in
            let bytes = certificates.first.flatMap { try? $0.toDERBytes() } ?? []
            result.succeed(Sodium.isEqual(Sodium.sha256(bytes), expected) ? .certificateVerified : .failed)
        }
    }
}

/// Contexts of TLS for both ends of connections between members.
package enum TLSPolicy {
    private static let oldestVersion = TLSVersion.tlsv12

    /// Authenticated encryption only, in OpenSSL's notation, for TLS 1.2; those of TLS 1.3 are all good.
    private static let cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// For those who accept connections.
    package static func serverContext(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = oldestVersion
        configuration.cipherSuites = cipherSuites
        // A peer that does not answer the end of TLS must not hold up a stop of the member.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = ["h2", "http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    /// What contexts of clients differ in.
    private struct ContextKey: Hashable {
        let trust: CertificateTrust
        let clientCertificate: [NIOSSLCertificate]
        let clientKey: NIOSSLPrivateKey?
    }

    /// Each is made once: one takes a megabyte and a millisecond where it reads the system's authorities.
    private static let contexts = Mutex<[ContextKey: NIOSSLContext]>([:])

    /// Contexts that are kept: those of all access points, several times over. They change with the configuration.
    private static let contextCountMax = 32

    /// For those who open connections.
    static func clientContext(_ terms: TLSTerms) throws -> NIOSSLContext {
        // Which certificate is pinned is no matter of the context.
        let key = ContextKey(
            trust: terms.isPinned ? .pinned([]) : terms.trust, clientCertificate: terms.clientCertificate,
            clientKey: terms.clientKey)
        return try contexts.withLock { contexts in
            if let context = contexts[key] { return context }
            if contexts.count >= contextCountMax { contexts = [:] }
            let context = try makeContext(terms)
            contexts[key] = context
            return context
        }
    }

    private static func makeContext(_ terms: TLSTerms) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = oldestVersion
        configuration.cipherSuites = cipherSuites
        configuration.applicationProtocols = ["http/1.1"]
        configuration.certificateChain = terms.clientCertificate.map { .certificate($0) }
        configuration.privateKey = terms.clientKey.map { .privateKey($0) }
        switch terms.trust {
        case .proven:
            configuration.certificateVerification = .none
            configuration.trustRoots = .certificates([])
        case .pinned:
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
        case .signed(let authorities): configuration.trustRoots = authorities.map { .certificates($0) } ?? .default
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
