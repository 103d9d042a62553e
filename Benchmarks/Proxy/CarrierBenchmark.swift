// What the benchmarks `proxy` and `relay` have in common: agents, peers, loads, and the end of all of them.
import ArgumentParser
import Foundation

/// One run.
struct CarrierBenchmark: Sendable {
    /// Begins the names of all figures.
    let name: String
    let program: String
    let options: LoadOptions
    let printer: ResultPrinter
    let isExternal: Bool
    /// How many simulated members come back to an external gateway at last; 0 for none.
    var reconnectingCount = 0
    /// Makes the peers, each with a directory of its own.
    let peers: @Sendable (_ plan: (String) throws -> PeerPlan) throws -> [any Carrier]

    /// Runs, and ends with a signal as well. Nothing is left in any case.
    func run() async throws {
        try await Interruption.cancelling { try await runToItsEnd() }
    }

    private func runToItsEnd() async throws {
        let streamCount = StreamCount(options)
        let directory = try TemporaryDirectory()
        let dialler = try Dialler()
        let cluster = try CarriedCluster(
            program: program, directory: directory.path, isExternal: isExternal, dialler: dialler)
        var others: [any Carrier] = []
        defer {
            for other in others { other.stop() }
            cluster.close()
            withExtendedLifetime(directory) {}
        }
        if options.peers {
            // A missing peer is told at once.
            others = try peers { try makePlan($0, directory.path, cluster, streamCount.value) }
        }
        let agent = try InstalledProgram.firstLine(program, "--version")
        MachineNotes.print(printer, versions: ["fastx-agent \(agent)"] + (try others.map { try $0.version() }))
        try await cluster.start()
        for other in others { try await other.start() }
        let report = CarrierReport(benchmark: name, printer: printer)
        let loads = CarrierLoads(
            carriers: [AgentCarrier("gateway", agent: cluster.gateway, port: cluster.gatewayPort)] + others,
            direct: AgentCarrier("direct", agent: cluster.member, port: cluster.memberPort), options: options,
            streamCount: streamCount, dialler: dialler, token: cluster.token, sessionPath: cluster.sessionPath,
            report: report)
        try await loads.run()
        if reconnectingCount > 0 {
            let tokens = try cluster.tokens()
            let route = Route(name: "gateway", port: cluster.gatewayPort)
            try await Reconnecting(count: reconnectingCount, gateway: cluster.gateway, report: report) {
                SimulatedMember(serverID: $0, tokens: tokens, route: route, dialler: dialler)
            }.run()
        }
        MachineNotes.printLoad(printer, "after")
        try await dialler.shutDown()
    }

    private func makePlan(
        _ peer: String, _ directory: String, _ cluster: CarriedCluster, _ streamCount: Int
    ) throws -> PeerPlan {
        let own = "\(directory)/\(peer)"
        try FileManager.default.createDirectory(
            atPath: own, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return PeerPlan(
            directory: own, memberPort: cluster.memberPort,
            memberCertificate: cluster.member.directory + "/config/certificate.pem",
            certificate: cluster.gateway.directory + "/config/certificate.pem",
            key: cluster.gateway.directory + "/config/key.pem",
            connectionCountMax: streamCount + options.connections + options.bulkConnections
                + options.stalledConnections)
    }
}
