// A gateway that can reach no member, so that the member holds a link to it: what it carries, beside `ssh -R`.
import ArgumentParser

struct RelayBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "Carry users' requests over a link that a member holds to a gateway.",
        discussion: """
            The loads of "proxy", through a gateway with "external": true in its cluster.json. The member announces an \
            address at which nobody is, so that nothing can go another way. With --peers each load goes through ssh -R to \
            the same member in turn: an sshd of its own, with keys of its own, as the user who runs this. At last many \
            simulated members, which are there for their links alone, come back to the gateway: all at once, and as members \
            do it after the gateway was restarted.
            """)

    @OptionGroup var report: ReportOptions
    @OptionGroup var agent: AgentOption
    @OptionGroup var load: LoadOptions
    @Option(help: "How many simulated members come back to the gateway at once, in the end; 0 for none.")
    var reconnect = 1_000

    func validate() throws {
        guard (0...5_000).contains(reconnect) else {
            throw ValidationError("--reconnect \(reconnect): a whole number from 0 to 5000 is expected")
        }
    }

    func run() async throws {
        try await CarrierBenchmark(
            name: "relay", program: try agent.path(), options: load, printer: ResultPrinter(isJSON: report.json),
            isExternal: true, reconnectingCount: reconnect
        ) { plan in [try SSHForwarding(plan("ssh"))] }.run()
    }
}
