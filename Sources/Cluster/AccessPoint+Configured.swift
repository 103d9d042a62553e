// Access points: from cluster.json to what the dialler needs.
import Directory
import Gossip
package import MemberConfiguration
import NIOSSL
import OperatingSystem
import Transport

extension AccessPoint {
    /// - Parameter directory: Where relative file names lead.
    package init(configured connection: DatabaseConnection, in directory: ConfigurationDirectory) throws {
        let options = connection.options
        var link = LinkOptions()
        link.authorities =
            options.ca.isEmpty
            ? nil : try options.ca.flatMap { try NIOSSLCertificate.fromPEMBytes(try $0.bytes(in: directory)) }
        link.clientCertificate =
            try options.cert.map { try NIOSSLCertificate.fromPEMBytes(try $0.bytes(in: directory)) } ?? []
        if let key = options.key {
            let bytes = try key.bytes(in: directory)
            let passphrase = options.passphrase?.revealed
            link.clientKey =
                if let passphrase {
                    try NIOSSLPrivateKey(bytes: bytes, format: .pem) { $0(passphrase.utf8) }
                } else {
                    try NIOSSLPrivateKey(bytes: bytes, format: .pem)
                }
        }
        link.serverName = options.servername
        // An authority that was named is to be asked, and without a binding there is nothing else to believe.
        link.demandsAuthority = options.rejectUnauthorized ?? (!options.ca.isEmpty || options.unbound)
        link.timeout = options.timeout
        link.keepAlive = options.keepAlive
        link.isUnbound = options.unbound
        link.proxy = options.proxy
        self.init(
            host: connection.address.endpoint.host, port: connection.address.endpoint.port, options: link)
    }
}

extension PEMSource {
    fileprivate func bytes(in directory: ConfigurationDirectory) throws -> [UInt8] {
        switch self {
        case .text(let text): Array(text.revealed.utf8)
        case .file(let path): try HostFile.bytes(at: directory.resolve(path))
        }
    }
}
