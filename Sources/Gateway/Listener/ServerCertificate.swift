// The certificate that the listener serves, replaceable while it runs.
import NIOCore
package import NIOSSL
import Synchronization
import Trust

/// Holds the TLS settings of new connections. Connections that are open keep the certificate they began with.
package final class ServerCertificate: Sendable {
    /// What a connection needs to know of it.
    struct Served: Sendable {
        let context: NIOSSLContext
        /// SHA-256 of the certificate in DER form.
        let hash: [UInt8]
    }

    private let served: Mutex<Served>

    /// - Parameter cipherSuites: In OpenSSL's notation, for TLS 1.2; those of TLS 1.3 are all good.
    package init(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey, cipherSuites: String) throws {
        served = Mutex(try Self.make(chain: chain, key: key, cipherSuites: cipherSuites))
    }

    /// Takes another certificate for connections from now on.
    package func replace(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey, cipherSuites: String) throws {
        let new = try Self.make(chain: chain, key: key, cipherSuites: cipherSuites)
        served.withLock { $0 = new }
    }

    /// SHA-256 of the certificate served now, in DER form.
    package var hash: [UInt8] { served.withLock { $0.hash } }

    var current: Served { served.withLock { $0 } }

    private static func make(
        chain: [NIOSSLCertificate], key: NIOSSLPrivateKey, cipherSuites: String
    ) throws -> Served {
        guard let leaf = chain.first else { throw ListenerError.emptyCertificate }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // A peer that does not answer the end of TLS must not hold up a stop of the member.
        configuration.shutdownTimeout = .seconds(1)
        configuration.cipherSuites = cipherSuites
        configuration.applicationProtocols = ["h2", "http/1.1"]
        return Served(
            context: try NIOSSLContext(configuration: configuration), hash: Sodium.sha256(try leaf.toDERBytes()))
    }
}

/// What can be wrong with the listener.
package enum ListenerError: Error, Sendable, Equatable, CustomStringConvertible {
    case emptyCertificate
    case tooManyConnections(String)
    /// Two readers could take a request differently.
    case ambiguousRequest
    /// An upgrade is asked for on a connection that has carried other requests.
    case lateUpgrade

    package var description: String {
        switch self {
        case .tooManyConnections(let address): "too many connections from \(address)"
        case .ambiguousRequest: "a request that could be read in two ways"
        case .lateUpgrade: "an upgrade of a connection that has carried other requests"
        case .emptyCertificate: "the certificate file holds no certificate in PEM form"
        }
    }
}
