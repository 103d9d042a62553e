// Many members whose links to an external one are gone, and who come back.
import Histogram
import NIOCore
import Replica

/// Measures how long the gateway's members take to be linked again: all in the same moment, which is the worst, and
/// as members do it after the gateway was restarted.
struct Reconnecting {
    private static let timeMax: Duration = .seconds(120)
    /// As members wait before they try again: at random up to a bound that doubles (docs/protocol.md, section 12.4).
    private static let waitMin = 0.25
    private static let waitFirst = 2.0
    private static let waitMax = 30.0

    let count: Int
    let gateway: BenchmarkedAgent
    let report: CarrierReport
    let makeMember: (_ serverID: ServerID) -> SimulatedMember

    func run() async throws {
        let members = (0..<count).compactMap { ServerID("bench-\($0)") }.map(makeMember)
        Progress.say("\(count) members link")
        let first = try await measure(members) { try await $0.link() }
        await close(first.channels)
        Progress.say("\(count) members come back at once")
        let atOnce = try await measure(members) { try await $0.link() }
        print("reconnect.at-once", atOnce)
        Progress.say("\(count) members come back after a restart of the gateway")
        gateway.stop()
        await close(atOnce.channels)
        try gateway.start()
        let restarted = try await measure(members) { try await Self.comeBack($0) }
        print("reconnect.after-restart", restarted)
        await close(restarted.channels)
        try gateway.check()
    }

    private struct Outcome {
        var channels: [any Channel] = []
        var seconds = 0.0
        var latencies = Tally.Latencies(highestTrackableValue: 600_000, numberOfSignificantValueDigits: .three)
        var gatewaySeconds = 0.0
    }

    /// All members begin in the same moment.
    private func measure(
        _ members: [SimulatedMember], _ link: @escaping @Sendable (SimulatedMember) async throws -> any Channel
    ) async throws -> Outcome {
        var outcome = Outcome()
        let before = gateway.usage.cpuSeconds
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: (any Channel)?.self) { group in
            for member in members { group.addTask { try await link(member) } }
            group.addTask {
                try await Task.sleep(for: Self.timeMax)
                return nil
            }
            for try await channel in group {
                guard let channel else {
                    throw BenchmarkError(
                        "\(outcome.channels.count) of \(members.count) members were linked in \(Self.timeMax)")
                }
                outcome.channels.append(channel)
                outcome.latencies.record(UInt64((ContinuousClock.now - start) / .milliseconds(1)))
                if outcome.channels.count == members.count { break }
            }
            group.cancelAll()
        }
        outcome.seconds = (ContinuousClock.now - start) / .seconds(1)
        outcome.gatewaySeconds = gateway.usage.cpuSeconds - before
        return outcome
    }

    private static func comeBack(_ member: SimulatedMember) async throws -> any Channel {
        var bound = waitFirst
        while true {
            // The wait is what the protocol asks for.
            try await Task.sleep(for: .seconds(.random(in: waitMin...bound)))
            if let channel = try? await member.link() { return channel }
            try Task.checkCancellation()
            bound = min(bound * 2, waitMax)
        }
    }

    private func close(_ channels: [any Channel]) async {
        for channel in channels { channel.close(promise: nil) }
        // A channel that closes with an error is closed as well.
        for channel in channels { try? await channel.closeFuture.get() }
    }

    private func print(_ name: String, _ outcome: Outcome) {
        report.print(
            name,
            [
                (
                    "gateway",
                    [
                        Figure(name: "", value: outcome.seconds, unit: "seconds until all \(count) were back"),
                        Figure(
                            name: "p50", value: Double(outcome.latencies.valueAtPercentile(50)), unit: "milliseconds"),
                        Figure(
                            name: "p99", value: Double(outcome.latencies.valueAtPercentile(99)), unit: "milliseconds"),
                        Figure(
                            name: "cpu", value: outcome.gatewaySeconds * 1_000 / Double(count),
                            unit: "milliseconds of processor a member"),
                    ]
                )
            ])
    }
}
