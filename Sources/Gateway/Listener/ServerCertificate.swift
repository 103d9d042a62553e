// The certificate that the listener serves, replaceable while it runs.
package import NIOSSL
import Synchronization
import Transport
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

    /// - Parameter chain: The member's own certificate first.
    /// - Throws: `ListenerError.emptyCertificate`, or what OpenSSL has against chain and key.
    package init(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) throws {
        served = Mutex(try Self.make(chain: chain, key: key))
    }

    /// Takes another certificate for connections from now on.
    package func replace(chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) throws {
        let new = try Self.make(chain: chain, key: key)
        served.withLock { $0 = new }
    }

    /// SHA-256 of the certificate served now, in DER form.
    package var hash: [UInt8] { served.withLock { $0.hash } }

    var current: Served { served.withLock { $0 } }

    private static func make(
        chain: [NIOSSLCertificate], key: NIOSSLPrivateKey
    ) throws -> Served {
        guard let leaf = chain.first else { throw ListenerError.emptyCertificate }
        return Served(
            context: try TLSPolicy.serverContext(chain: chain, key: key), hash: Sodium.sha256(try leaf.toDERBytes()))
    }
}

/// What can be wrong with the listener.
package enum ListenerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The chain has no certificate.
    case emptyCertificate
    /// From the address that it names as many connections are open as may be.
    case tooManyConnections(String)
    /// Two readers could take a request differently.
    case ambiguousRequest
    /// An upgrade is asked for on a connection that has carried other requests.
    case lateUpgrade

    /// For the log, in one line.
    package var description: String {
        switch self {
        case .tooManyConnections(let address): "too many connections from \(address)"
        case .ambiguousRequest: "a request that could be read in two ways"
        case .lateUpgrade: "an upgrade of a connection that has carried other requests"
        case .emptyCertificate: "the certificate file holds no certificate in PEM form"
        }
    }
}
