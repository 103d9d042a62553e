// What carries requests to the measured member: the agent's own gateway, or a program that it is compared with.

/// One carrier on a port of loopback. Loads go to its port.
protocol Carrier: AnyObject {
    /// As figures name it.
    var name: String { get }
    var port: Int { get }

    /// The program's name and version.
    func version() throws -> String
    /// Returns once it carries.
    func start() async throws
    func stop()
    /// Throws where one of its processes has ended by itself.
    func check() throws
    /// Of all its processes.
    func usage() -> ProcessUsage
}

/// An agent that the cluster has started: the measured gateway, or, as `direct`, no carrier but the member itself, which
/// needs its processor time for the answers.
final class AgentCarrier: Carrier {
    let name: String
    let port: Int
    private let agent: BenchmarkedAgent

    init(_ name: String, agent: BenchmarkedAgent, port: Int) {
        self.name = name
        self.agent = agent
        self.port = port
    }

    func version() -> String { "" }
    func start() async throws {}
    func stop() { agent.stop() }
    func check() throws { try agent.check() }
    func usage() -> ProcessUsage { agent.usage }
}

/// A program is there once something listens on its port.
enum Listening {
    private static let timeMax: Duration = .seconds(10)

    /// - Parameter check: Throws where the program has ended.
    static func wait(_ name: String, port: Int, check: () throws -> Void) async throws {
        let latest = ContinuousClock.now + timeMax
        while !LoopbackPort.isListening(port) {
            try check()
            guard .now < latest else { throw BenchmarkError("\(name) does not listen after \(timeMax)") }
            // Another process, which tells of nothing by itself.
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
