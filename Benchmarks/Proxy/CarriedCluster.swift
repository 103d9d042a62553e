// Two real agents on loopback: a member with one user and one session, and a gateway without either that carries to it.
import Foundation
import NIOCore
import NIOHTTP1

/// Starts the agents, logs in through the gateway, and starts a session that the loads ask for.
final class CarriedCluster {
    /// What the session's log has: enough that its transfer counts, and within what a log keeps.
    static let logByteCount = 7_500_000
    private static let geometry = "2048x1536"
    private static let waitTimeMax: Duration = .seconds(30)

    let member: BenchmarkedAgent
    let gateway: BenchmarkedAgent
    let memberPort: Int
    let gatewayPort: Int
    private let directory: String
    /// Whether the gateway is one that can reach no member, so that members come to it.
    private let isExternal: Bool
    private let dialler: Dialler
    private(set) var token: String?
    private(set) var sessionID = ""
    private var gatewaySecret = ""

    /// - Parameter directory: A short path, for there are sockets in it.
    init(program: String, directory: String, isExternal: Bool, dialler: Dialler) throws {
        self.directory = directory
        self.isExternal = isExternal
        self.dialler = dialler
        // What sessions keep goes where the rest is.
        let environment = ["XDG_STATE_HOME": directory + "/state"]
        member = BenchmarkedAgent(program: program, directory: directory + "/member", environment: environment)
        gateway = BenchmarkedAgent(program: program, directory: directory + "/gateway", environment: environment)
        memberPort = try LoopbackPort.free()
        gatewayPort = try LoopbackPort.free()
    }

    var gatewayRoute: Route { Route(name: "gateway", port: gatewayPort, token: token) }
    var sessionPath: String { "/api/v1/sessions/\(sessionID)" }

    /// Returns once a session runs and is seen through the gateway.
    func start() async throws {
        try configure()
        Progress.say("starting two agents")
        try member.start()
        try gateway.start()
        try await wait("the agents") { [member, gateway] in
            guard let status = try? gateway.status(), (try? member.status()) != nil else { return false }
            return (status["links"] as? [[String: Any]])?.contains { $0["state"] as? String == "open" } == true
        }
        try await logIn()
        try await startSession()
    }

    /// Ends the agents and what sessions have left to themselves.
    func close() {
        gateway.stop()
        member.stop()
        ProcessTable.endAll(mentioning: directory)
    }

    /// What other members of the cluster would show the gateway.
    func tokens() throws -> MemberTokens {
        try MemberTokens(secret: gatewaySecret, certificate: gateway.directory + "/config/certificate.pem")
    }

    // MARK: Configuration

    /// The gateway has a gateway key alone, so that it carries everything of users.
    private func configure() throws {
        try member.run("init", "--listen", "\(Route.host):\(memberPort)", "--new-cluster-key", "--login", "self")
        try member.run("key", "new", "--gateway")
        let listed = try JSONSerialization.jsonObject(with: member.run("key", "list", "--json")) as? [[String: Any]]
        guard let key = listed?.first(where: { $0["scope"] as? String == "gateway" })?["id"] as? String else {
            throw BenchmarkError("no gateway key was made")
        }
        let keyFile = directory + "/gateway.key"
        let secret = try member.run("key", "export", key)
        guard FileManager.default.createFile(atPath: keyFile, contents: secret, attributes: [.posixPermissions: 0o600])
        else { throw BenchmarkError("\(keyFile) cannot be made") }
        gatewaySecret = String(decoding: secret, as: UTF8.self)
        try gateway.run("init", "--listen", "\(Route.host):\(gatewayPort)")
        try gateway.run("key", "add", "--gateway", keyFile)
        let isExternal = isExternal
        // Where the gateway can reach nobody, the member dials, and announces an address at which nobody is.
        let connection = ["url": "https://\(Route.host):\(isExternal ? gatewayPort : memberPort)"]
        try (isExternal ? member : gateway).edit("cluster.json") { $0["databaseConnections"] = [connection] }
        try gateway.edit("cluster.json") { $0["external"] = isExternal }
        try configure(member) { settings in
            if isExternal { settings["urls"] = ["https://\(Route.host):1"] }
        }
        try configure(gateway) { settings in
            settings["loginsEnabled"] = false
            settings["sessionsEnabled"] = false
        }
    }

    /// Limits that none of the loads meets.
    private func configure(_ agent: BenchmarkedAgent, _ change: (inout [String: Any]) -> Void) throws {
        let runtime = agent.directory + ".run"
        try FileManager.default.createDirectory(
            atPath: runtime, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        try agent.edit("settings.json") { settings in
            settings["runtimeDirectory"] = runtime
            change(&settings)
        }
        try agent.edit("www.json") { web in
            web["limits"] = [
                "headerSeconds": 60, "idleSeconds": 3_600, "connectionsPerAddress": 100_000, "streamsPerUser": 10_000,
            ]
        }
    }

    // MARK: Login and session

    private func logIn() async throws {
        Progress.say("logging in through the gateway")
        let printed = try JSONSerialization.jsonObject(with: member.run("login-code", "--json")) as? [String: Any]
        guard let code = printed?["code"] as? String else { throw BenchmarkError("no code was printed") }
        var answer = WholeAnswer()
        // The gateway may not know yet who takes logins.
        try await wait("the gateway's knowing the member") { [self] in
            answer = try await dialler.request(.POST, "/api/v1/login", ["code": code], on: gatewayRoute)
            return answer.json["reason"] as? String != "logins-disabled"
        }
        let cookie = answer.headers["set-cookie"].first.flatMap { $0.split(separator: ";").first }
        guard answer.status == .ok, let token = cookie?.split(separator: "=", maxSplits: 1).last else {
            throw BenchmarkError("the login was answered by \(answer.text)\(advice)")
        }
        self.token = String(token)
    }

    private func startSession() async throws {
        Progress.say("starting a session")
        let body: JSONBody = [
            "command": "head -c \(Self.logByteCount) /dev/zero | tr '\\0' x | fold -w 100; exec sleep 1000000",
            "geometry": Self.geometry, "windowManager": "none",
        ]
        let answer = try await dialler.request(.POST, "/api/v1/sessions", body, on: gatewayRoute)
        guard answer.status == .created, let id = answer.json["id"] as? String else {
            throw BenchmarkError("the start of a session was answered by \(answer.text)\(advice)")
        }
        sessionID = id
        try await wait("the session") { [self] in
            let answer = try await dialler.request(.GET, sessionPath, on: gatewayRoute)
            if answer.json["state"] as? String == "failed" { throw BenchmarkError(answer.text) }
            guard answer.json["state"] as? String == "running" else { return false }
            let log = try await dialler.request(.GET, sessionPath + "/log", on: gatewayRoute)
            return log.body.readableBytes >= Self.logByteCount
        }
    }

    private var advice: String {
        isExternal ? "; does this fastx-agent serve external members?" : ""
    }

    private func wait(_ what: String, until holds: () async throws -> Bool) async throws {
        let latest = ContinuousClock.now + Self.waitTimeMax
        while try await !holds() {
            try member.check()
            try gateway.check()
            guard .now < latest else { throw BenchmarkError("\(what) did not come to an end in \(Self.waitTimeMax)") }
            // The agents are other processes, which tell of nothing by themselves.
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
