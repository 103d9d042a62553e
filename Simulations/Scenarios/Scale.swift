// How a healthy cluster of many members fares: how long an update takes to be everywhere, and what that costs.
import Gossip
import Replica
import SimulatedWorld
import Trust

/// A healthy cluster in which every member publishes an update regularly.
package struct ScalePlan: Sendable {
    package var seed: UInt64 = 1
    package var memberCount: Int
    /// How long updates are published and measured, in simulated seconds.
    package var measuredSeconds: Int
    /// Every member publishes one update in this time.
    package var updateIntervalSeconds = 30
    package var updateByteCount = 1_000
    /// How many access points a member names that is none itself.
    package var accessPointsNamed = 2
    /// One way of a message, in milliseconds, and by how much longer at most.
    package var latencyMilliseconds = 5
    package var jitterMilliseconds = 5

    package init(memberCount: Int, measuredSeconds: Int) {
        self.memberCount = memberCount
        self.measuredSeconds = measuredSeconds
    }
}

/// What came of it.
package struct ScaleReport: Sendable, Codable {
    package var members: Int
    package var accessPoints: Int
    package var links: Int
    package var updates: Int
    /// Updates that were not everywhere when the run ended.
    package var incomplete: Int
    /// From the publication of an update until every member had it, in seconds.
    package var everywhereP50: Double
    package var everywhereP99: Double
    package var everywhereMax: Double
    /// How many copies of each update a member received in the mean.
    package var copiesReceived: Double
    /// Bytes that a member sent a second.
    package var bytesSentMean: Double
    package var bytesSentMax: Double
    package var messages: Int
    package var simulatedSeconds: Double
    package var realSeconds: Double
    /// The most memory that the process ever had, in bytes.
    package var peakMemoryBytes: Int
}

/// One run of a healthy cluster.
package final class ScaleRun {
    private let plan: ScalePlan
    private let world: World
    private let accessPointCount: Int
    private var random: SplitMix64
    private var published: [EntryNumber: Published] = [:]
    private var everywhere: [Double] = []
    private var copyCount = 0

    private struct Published {
        let time: Int64
        var holderCount = 1
    }

    package init(_ plan: ScalePlan) throws {
        self.plan = plan
        random = SplitMix64(seed: plan.seed, purpose: "scale")
        world = World(seed: plan.seed)
        world.latency = .milliseconds(plan.latencyMilliseconds)
        world.latencyJitter = .milliseconds(plan.jitterMilliseconds)
        world.messageCountMax = .max
        accessPointCount = max(1, Int(Double(plan.memberCount).squareRoot()))
        let ring = try RunKeys().ring
        let first = MemoryStore(pool: world.pool)
        for number in 0..<plan.memberCount { first.put(Self.update(of: number, time: 0, plan)) }
        for number in 0..<plan.memberCount {
            let member = world.add("m\(number)", ring, store: number == 0 ? first : first.copy())
            member.keepsReports = false
        }
    }

    /// The server update of a member, as it is published at a time in milliseconds.
    private static func update(of number: Int, time: UInt64, _ plan: ScalePlan) -> Entry {
        LocalWrite(
            key: Key(checked: Array("server/m\(number)".utf8)),
            change: .put(value(plan), leaseMilliseconds: Workload.updateLease)
        ).entry(Version(clock: Clock(startOfTime.advanced(byMilliseconds: time)), origin: Origin(raw: 1)))
    }

    private static func value(_ plan: ScalePlan) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: "u"), count: plan.updateByteCount)
    }

    /// - Parameter peakMemory: The most memory that the process ever had, asked at the end.
    package func run(peakMemory: () -> Int) -> ScaleReport {
        let began = ContinuousClock.now
        join()
        world.run(for: .seconds(2))
        watch()
        let sentBefore = world.members.map(\.byteCountSent)
        publishAll()
        world.run(for: .seconds(plan.measuredSeconds))
        let sent = zip(world.members, sentBefore).map { Double($0.byteCountSent - $1) / Double(plan.measuredSeconds) }
        let updateCount = published.count
        world.run(until: { self.everywhere.count == updateCount }, limit: .seconds(30))
        everywhere.sort()
        return ScaleReport(
            members: plan.memberCount, accessPoints: accessPointCount, links: world.connections.count(where: \.isOpen),
            updates: updateCount, incomplete: updateCount - everywhere.count, everywhereP50: quantile(0.5),
            everywhereP99: quantile(0.99), everywhereMax: quantile(1),
            copiesReceived: Double(copyCount) / Double(max(1, updateCount * max(1, plan.memberCount - 1))),
            bytesSentMean: sent.reduce(0, +) / Double(sent.count), bytesSentMax: sent.max() ?? 0,
            messages: world.messageCount, simulatedSeconds: world.uptime / .seconds(1),
            realSeconds: (ContinuousClock.now - began) / .seconds(1), peakMemoryBytes: peakMemory())
    }

    private func quantile(_ part: Double) -> Double {
        everywhere.isEmpty ? 0 : everywhere[min(everywhere.count - 1, Int(Double(everywhere.count) * part))]
    }

    /// Access points are linked to up to six others; all others name some of them.
    private func join() {
        for (number, member) in world.members.enumerated() {
            let isAccessPoint = number < accessPointCount
            let candidates = isAccessPoint ? number : accessPointCount
            let count = min(candidates, isAccessPoint ? Topology.accessPointCountMax : plan.accessPointsNamed)
            var dialled: Set<Int> = []
            // The one before it, so that all are joined, and random ones.
            if isAccessPoint, number > 0 { dialled.insert(number - 1) }
            while dialled.count < count { dialled.insert(Int.random(in: 0..<candidates, using: &random)) }
            let wait = Duration.microseconds(Int64.random(in: 0...500_000, using: &random))
            let urls = dialled.sorted().map { world.members[$0].url }
            world.plan(after: wait) { member.setAccessPoints(urls) }
        }
    }

    private func watch() {
        world.onArrival = { [unowned self] _, _, message in
            if case .entries(let entries) = message { copyCount += entries.batch.count }
        }
        for member in world.members {
            member.store.onChange = { [unowned self] change in
                guard change.cause == .link, let number = change.new, published[number] != nil else { return }
                published[number]?.holderCount += 1
                guard published[number]?.holderCount == plan.memberCount, let time = published[number]?.time else {
                    return
                }
                everywhere.append(Double(world.now - time) / 1e9)
            }
        }
    }

    private func publishAll() {
        let value = Self.value(plan)
        for member in world.members {
            let wait = Duration.milliseconds(
                Int64.random(in: 0..<Int64(plan.updateIntervalSeconds) * 1_000, using: &random))
            guard wait < .seconds(plan.measuredSeconds) else { continue }
            world.plan(after: wait) { [unowned self] in
                let write = LocalWrite(
                    key: Key(checked: Array("server/\(member.name)".utf8)),
                    change: .put(value, leaseMilliseconds: Workload.updateLease))
                guard let entry = try? member.write([write]).first else { return }
                published[world.pool.number(of: entry)] = Published(time: world.now)
            }
        }
    }
}
