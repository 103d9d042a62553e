// A reverse proxy as a peer: a program that carries by a configuration of its own, TLS on both sides.
import Foundation

/// What is told apart between such programs.
protocol ReverseProxyKind {
    /// The program's and its Debian package's.
    static var name: String { get }
    static var versionOption: String { get }
    static func arguments(_ plan: PeerPlan, configuration: String) -> [String]
    /// What stands in its configuration. Connections to the member are kept.
    static func configuration(_ plan: PeerPlan, port: Int) throws -> String
}

final class ReverseProxy<Kind: ReverseProxyKind>: Carrier {
    let name = Kind.name
    let port: Int
    private let plan: PeerPlan
    private let program: String
    private var process: ChildProgram?

    init(_ plan: PeerPlan) throws {
        self.plan = plan
        program = try InstalledProgram.find(Kind.name, package: Kind.name)
        port = try LoopbackPort.free()
    }

    func version() throws -> String { try InstalledProgram.firstLine(program, Kind.versionOption) }

    func start() async throws {
        let file = "\(plan.directory)/\(name).conf"
        try Data(Kind.configuration(plan, port: port).utf8).write(to: URL(fileURLWithPath: file))
        process = try ChildProgram(
            name, program: program, arguments: Kind.arguments(plan, configuration: file),
            logPath: "\(plan.directory)/\(name).log")
        try await Listening.wait(name, port: port, check: check)
    }

    func stop() {
        process?.stop()
        process = nil
    }

    func check() throws { try process?.check() }
    func usage() -> ProcessUsage { process.map { .ofTrees([$0.processID]) } ?? ProcessUsage() }
}
