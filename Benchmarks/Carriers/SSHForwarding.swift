// `ssh -R` as a peer: OpenSSH's client on the member's side has its server listen, and carries what comes there.
import Foundation

final class SSHForwarding: Carrier {
    let name = "ssh"
    let port: Int
    private let plan: PeerPlan
    private let programs: (server: String, client: String, keys: String)
    private let serverPort: Int
    private var server: ChildProgram?
    private var client: ChildProgram?

    init(_ plan: PeerPlan) throws {
        self.plan = plan
        programs = (
            try InstalledProgram.find("sshd", package: "openssh-server"),
            try InstalledProgram.find("ssh", package: "openssh-client"),
            try InstalledProgram.find("ssh-keygen", package: "openssh-client")
        )
        port = try LoopbackPort.free()
        serverPort = try LoopbackPort.free()
    }

    private var hostKey: String { "\(plan.directory)/host_key" }
    private var userKey: String { "\(plan.directory)/user_key" }
    private var authorizedKeys: String { "\(plan.directory)/authorized_keys" }
    private var knownHosts: String { "\(plan.directory)/known_hosts" }

    func version() throws -> String { try InstalledProgram.firstLine(programs.client, "-V") }

    func start() async throws {
        if !FileManager.default.fileExists(atPath: hostKey) { try makeKeys() }
        let configuration = "\(plan.directory)/sshd_config"
        try Data(serverConfiguration.utf8).write(to: URL(fileURLWithPath: configuration))
        // Only root's sshd has this directory, and only the service makes it.
        if geteuid() == 0, !FileManager.default.fileExists(atPath: "/run/sshd") {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: false)
        }
        server = try ChildProgram(
            "sshd", program: programs.server, arguments: ["-D", "-e", "-f", configuration],
            logPath: "\(plan.directory)/sshd.log")
        try await Listening.wait("sshd", port: serverPort, check: check)
        client = try ChildProgram(
            "ssh", program: programs.client, arguments: clientArguments, logPath: "\(plan.directory)/ssh.log")
        try await Listening.wait(name, port: port, check: check)
    }

    func stop() {
        client?.stop()
        server?.stop()
        client = nil
        server = nil
    }

    func check() throws {
        try server?.check()
        try client?.check()
    }

    func usage() -> ProcessUsage { .ofTrees([client, server].compactMap { $0?.processID }) }

    private func makeKeys() throws {
        for key in [hostKey, userKey] {
            try InstalledProgram.run(programs.keys, ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key])
        }
        let user = try Data(contentsOf: URL(fileURLWithPath: userKey + ".pub"))
        try user.write(to: URL(fileURLWithPath: authorizedKeys))
        let host = try String(contentsOfFile: hostKey + ".pub", encoding: .utf8)
        try Data("[\(Route.host)]:\(serverPort) \(host)".utf8).write(to: URL(fileURLWithPath: knownHosts))
    }

    /// Root's sshd asks PAM whether root may log in; a user's own one has nobody to ask.
    private var serverConfiguration: String {
        """
        Port \(serverPort)
        ListenAddress \(Route.host)
        HostKey \(hostKey)
        PidFile none
        UsePAM \(geteuid() == 0 ? "yes" : "no")
        UseDNS no
        StrictModes no
        PubkeyAuthentication yes
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        PermitRootLogin prohibit-password
        AuthorizedKeysFile \(authorizedKeys)
        AllowTcpForwarding remote
        PrintMotd no

        """
    }

    private var clientArguments: [String] {
        [
            "-N", "-T", "-F", "/dev/null", "-i", userKey, "-p", String(serverPort),
            "-R", "\(Route.host):\(port):\(Route.host):\(plan.memberPort)",
        ]
            + [
                "BatchMode=yes", "ExitOnForwardFailure=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes",
                "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=/dev/null",
            ].flatMap { ["-o", $0] } + ["\(NSUserName())@\(Route.host)"]
    }
}
