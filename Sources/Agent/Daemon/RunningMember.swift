// The parts of a running member that its services share.
import Certificates
import Cluster
import Control
import Directory
import Gateway
import Gossip
import Logging
import MemberConfiguration
import NIOPosix
import NIOSSL
import OperatingSystem
import Replica
import Store
import Transport
import Trust

/// One running member.
actor RunningMember {
    nonisolated let directory: VarDirectory
    nonisolated let serverID: ServerID
    nonisolated let origin: Origin
    nonisolated let store: Store
    nonisolated let node: GossipNode
    nonisolated let authenticator: MemberAuthenticator
    nonisolated let certificate: ServerCertificate
    /// What the environment says of proxies.
    nonisolated let proxies: ProxyRules
    nonisolated let logs: Logs
    nonisolated let reachability = Reachability(loop: MultiThreadedEventLoopGroup.singleton.next())
    nonisolated let started = WallClock.now()
    nonisolated let configurations: ConfigurationStore
    /// Where the listener really listens, once it does.
    private(set) var listening: HostAndPort?

    nonisolated var logger: Logger { logs.agent }
    /// As it is now.
    nonisolated var configuration: Configuration { configurations.current }

    init(
        directory: VarDirectory, serverID: ServerID, origin: Origin, store: Store, node: GossipNode,
        authenticator: MemberAuthenticator, certificate: ServerCertificate, proxies: ProxyRules, logs: Logs,
        configurations: ConfigurationStore
    ) {
        self.directory = directory
        self.serverID = serverID
        self.origin = origin
        self.store = store
        self.node = node
        self.authenticator = authenticator
        self.certificate = certificate
        self.proxies = proxies
        self.logs = logs
        self.configurations = configurations
    }

    func setListening(_ address: HostAndPort) { listening = address }

    /// The URLs under which this member announces itself.
    func urls(hostname: String) -> [String] {
        if !configuration.settings.urls.isEmpty { return configuration.settings.urls }
        let listen = configuration.web.listen
        let isWildcard = listen.host == "0.0.0.0" || listen.host == "::"
        return [
            "https://\(HostAndPort(host: isWildcard ? hostname : listen.host, port: listening?.port ?? listen.port))"
        ]
    }

    /// The certificate chain and key that `www.json` names.
    static func readCertificate(
        _ web: WebConfiguration, _ directory: ConfigurationDirectory
    ) throws -> ([NIOSSLCertificate], NIOSSLPrivateKey) {
        let certificatePath = directory.resolve(web.certificate)
        let keyPath = directory.resolve(web.key)
        let certificateBytes = try HostFile.bytes(at: certificatePath)
        let keyBytes = try HostFile.bytes(at: keyPath)
        do {
            // The TLS library tells no more of a foreign key than that it is none.
            guard try CertificateInfo.matches(certificatePEM: certificateBytes, privateKeyPEM: keyBytes) else {
                throw AgentError.configuration([
                    "config/www.json: the key \(keyPath) is not the one that the certificate \(certificatePath) is for; "
                        + "put the two that belong together there"
                ])
            }
            return (
                try NIOSSLCertificate.fromPEMBytes(certificateBytes),
                try NIOSSLPrivateKey(bytes: keyBytes, format: .pem)
            )
        } catch let error as AgentError {
            throw error
        } catch {
            throw AgentError.configuration([
                "config/www.json: the certificate \(certificatePath) and its key \(keyPath) cannot be used: \(error)"
            ])
        }
    }
}
