// The gateway as a proxy: what it carries, how fast, and at what cost, beside nginx and HAProxy.
import ArgumentParser

struct ProxyBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy", abstract: "Carry users' requests through a gateway to a member.",
        discussion: """
            Two real agents on loopback: a gateway with a gateway key, and the member behind it. Everything goes over TLS.

            streams    idle event streams: memory and processor time of the carrier
            requests   a session's document, over many kept connections
            bulk       a session's log of 7.5 MB, over a few connections
            display    whole pictures of a display, unpacked, over one WebSocket
            small      a session's document over one connection, alone, beside bulk, and beside bulk that nobody reads

            Figures named "direct" are of the member itself, without a carrier between. With --peers each load goes \
            through nginx (one worker) and HAProxy (one thread) to the same member in turn, in the same run.
            """)

    @OptionGroup var report: ReportOptions
    @OptionGroup var agent: AgentOption
    @OptionGroup var load: LoadOptions

    func run() async throws {
        try await CarrierBenchmark(
            name: "proxy", program: try agent.path(), options: load, printer: ResultPrinter(isJSON: report.json),
            isExternal: false
        ) { plan in [try ReverseProxy<Nginx>(plan("nginx")), try ReverseProxy<HAProxy>(plan("haproxy"))] }.run()
    }
}
