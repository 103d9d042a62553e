// fastx-agent init: makes the directory of a member.
import ArgumentParser
import Certificates
import Control
import Directory
import Glibc
import MemberConfiguration
import OperatingSystem
import Replica
import Trust

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make the directory of a new member.",
        discussion: """
            The member gets an id of its own, a self-signed certificate, and configuration files to edit. Members
            that share a cluster key form a cluster once one of them names another as its access point.
            """)

    @OptionGroup var location: VarDirectoryOption
    @Option(help: "Where to listen, host:port. Every address and port 3300 unless given.")
    var listen: String = "0.0.0.0:3300"
    @Option(
        name: .customLong("access-point"),
        help: "The URL of a member to hold a link to, such as https://gateway:3300. May be given up to six times.")
    var accessPoints: [String] = []
    @Option(help: "A file with the cluster's key: one line, 32 bytes or more, in hex or base64.")
    var clusterKeyFile: String?
    @Flag(help: "Make a new cluster key, for the first member of a cluster.")
    var newClusterKey = false
    @Option(
        help: "A name or address under which members reach this one; goes into the certificate and the server update.")
    var name: [String] = []

    @Option(
        name: .customLong("login"),
        help: "A way for users to log in: ssh, sudo or self. May be given several times. Only ssh unless given.")
    var loginWays: [String] = []
    @OptionGroup var place: PlaceFlags

    func run() async throws {
        try Sodium.start()
        _ = umask(0o077)
        let directory = location.directory
        let content = try makeConfiguration()
        try makeDirectories(directory)
        let serverID = ServerID.draw()
        try makeCertificate(directory, serverID, content.web)
        try directory.configuration.write(content)
        try FileModes.writePrivateFile(directory.serverIDFile, bytes: Array("\(serverID)\n".utf8))
        describe(directory, serverID, content)
    }

    private func makeConfiguration() throws -> Configuration {
        guard let listen = HostAndPort(listenAddress: listen) else {
            throw AgentError.usage("--listen \(listen): not host:port, such as 0.0.0.0:3300 or [::]:3300")
        }
        guard clusterKeyFile == nil || !newClusterKey else {
            throw AgentError.usage("--cluster-key-file and --new-cluster-key exclude each other")
        }
        var configuration = Configuration()
        configuration.web.listen = listen
        configuration.cluster.databaseConnections = try accessPoints.map { text in
            do {
                return DatabaseConnection(address: try MemberURL(text), options: ConnectionOptions())
            } catch {
                throw AgentError.usage("--access-point \(text): \(error)")
            }
        }
        if accessPoints.count > ClusterLimits.usedConnectionCountMax {
            Terminal.complain(
                "more than \(ClusterLimits.usedConnectionCountMax) access points: the further ones are not used, "
                    + "for they add no fault tolerance and cost both ends")
        }
        if let text = try secretText() {
            configuration.cluster.keys = [KeyEntry(secret: SecretText(text), scope: .full, name: nil)]
        }
        if !loginWays.isEmpty { configuration.settings.logins.ways = try loginWays.map(Self.way) }
        place.apply(to: &configuration.settings)
        place.apply(to: &configuration.cluster)
        let port = listen.port
        configuration.settings.urls = name.map { "https://\(HostAndPort(host: $0, port: port))" }
        return configuration
    }

    private static func way(_ text: String) throws -> LoginWay {
        if let way = LoginWay(rawValue: text) { return way }
        let known = LoginWay.allCases.map(\.rawValue).joined(separator: ", ")
        throw AgentError.usage("--login \(text): there is no such way; ways: \(known)")
    }

    private func secretText() throws -> String? {
        if newClusterKey { return try Secret(RandomBytes.make(32)).encodedText() }
        return try clusterKeyFile.map { try KeyFiles.read($0).text }
    }

    private func makeDirectories(_ directory: VarDirectory) throws {
        if unsafe access(directory.serverIDFile, F_OK) == 0 {
            throw AgentError.usage(
                "\(directory.path) already holds a member; choose another directory, or remove this one")
        }
        if unsafe access(directory.path, F_OK) != 0 { try FileModes.makePrivateDirectory(directory.path) }
        if let problem = FileModes.checkPrivate(path: directory.path) { throw problem }
        if unsafe access(directory.configuration.path, F_OK) != 0 {
            try FileModes.makePrivateDirectory(directory.configuration.path)
        }
    }

    private func makeCertificate(_ directory: VarDirectory, _ serverID: ServerID, _ web: WebConfiguration) throws {
        let hostname = try HostNames.hostname()
        var hosts = name + [hostname, "localhost"]
        if web.listen.host != "0.0.0.0", web.listen.host != "::" { hosts.append(web.listen.host) }
        let addresses = hosts.filter { CertificateNames.bytes(ofAddress: $0) != nil }
        let names = hosts.filter { CertificateNames.bytes(ofAddress: $0) == nil && CertificateNames.isDNSName($0) }
        let made = try SelfSignedCertificate.make(
            commonName: serverID.text, names: Array(Set(names)).sorted(),
            addresses: Array(Set(addresses + ["127.0.0.1"])).sorted(),
            now: WallClock.seconds())
        try FileModes.writePrivateFile(directory.configuration.resolve(web.certificate), bytes: made.certificatePEM)
        try FileModes.writePrivateFile(directory.configuration.resolve(web.key), bytes: made.privateKeyPEM)
    }

    private func describe(_ directory: VarDirectory, _ serverID: ServerID, _ configuration: Configuration) {
        print("Made \(directory.path) for a member with the server id \(serverID).")
        let start = "fastx-agent run --var-dir \(directory.path)"
        if configuration.cluster.keys.isEmpty {
            print("It has no cluster key yet. Add the cluster's:  fastx-agent key add FILE --var-dir \(directory.path)")
        } else if newClusterKey {
            print("It has a new cluster key. For other members, write it to a file that nobody else can read:")
            print("    fastx-agent key export --var-dir \(directory.path) --to cluster.key")
        }
        print("Start it:  \(start)")
    }
}

/// Files that hold one cluster key.
enum KeyFiles {
    /// The key, and its text as it stands in the file. Says so where others can read the file.
    static func read(_ path: String) throws -> (secret: Secret, text: String) {
        let text: String
        let looseMode: SystemError?
        do {
            text = try HostFile.text(at: path)
            looseMode = try Self.looseMode(path)
        } catch {
            throw AgentError.usage("\(error)")
        }
        do {
            let secret = try Secret.parse(text)
            // What cluster.json takes is narrower than what a key file may be written in.
            let line = String(text.prefix { $0 != "\n" && $0 != "\r" })
            if let looseMode {
                Terminal.complain(
                    "warning: \(looseMode). The key is taken all the same; if somebody else may have read it, replace "
                        + "it by a new one everywhere, see \"fastx-agent key --help\"")
            }
            return (secret, KeyEntry.isSecret(line) ? line : secret.encodedText())
        } catch {
            throw AgentError.usage("\(path): \(error)")
        }
    }

    /// Whose file it is does not matter: who brought the key may well be another user than the one that takes it.
    private static func looseMode(_ path: String) throws(SystemError) -> SystemError? {
        let status = try FileStatus(path: path)
        guard status.isFileOpenToOthers else { return nil }
        return .wrongMode(path: path, mode: status.mode, wanted: FileModes.privateFileMode)
    }
}

extension ServerID {
    /// A new one: 64 random bits in hex.
    fileprivate static func draw() -> ServerID {
        // Hex digits are what the grammar allows.
        while true {
            if let id = ServerID(HexText.encode(RandomBytes.make(8))) { return id }
        }
    }
}
