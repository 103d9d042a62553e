// What a run of the relay is made of, and what came of it.
import SimulatedWorld

/// A run before it has begun: a seed, and what is not drawn from it.
package struct RelayPlan: Sendable, Hashable {
    package var seed: UInt64
    package var memberCount: Int
    /// How long faults go on, in simulated seconds.
    package var durationSeconds: Int
    package var faults: [RelayFault]

    package init(seed: UInt64, memberCount: Int? = nil, durationSeconds: Int? = nil, faults: [RelayFault]? = nil) {
        var random = SplitMix64(seed: seed, purpose: "relay plan")
        self.seed = seed
        let drawnCount = Int.random(in: 2...9, using: &random)
        self.memberCount = memberCount ?? drawnCount
        self.durationSeconds = durationSeconds ?? Self.usualSeconds
        let kinds = RelayFault.allCases.shuffled(using: &random)
        let drawn = Array(kinds.prefix(Int.random(in: 2...6, using: &random)))
        self.faults = (faults ?? drawn).sorted { $0.rawValue < $1.rawValue }
    }

    private static let usualSeconds = 120

    /// The arguments of `fastx-simulate` that repeat the run.
    package var arguments: String {
        let kinds = faults.isEmpty ? "none" : faults.map(\.rawValue).joined(separator: ",")
        return "relay --seed \(seed) --members \(memberCount) --duration \(durationSeconds) --faults \(kinds)"
    }
}

extension RelayPlan {
    /// The plan that a line of arguments asks for, as `arguments` gives it; nil where it is none.
    package init?(arguments text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.first == "relay", !words.count.isMultiple(of: 2) else { return nil }
        var values: [String: String] = [:]
        for position in stride(from: 1, to: words.count, by: 2) { values[words[position]] = words[position + 1] }
        guard let seed = values["--seed"].flatMap({ UInt64($0) }) else { return nil }
        let names = values["--faults"].map { $0 == "none" ? [] : $0.split(separator: ",").map(String.init) }
        let faults = names?.compactMap { RelayFault(rawValue: $0) }
        guard faults?.count == names?.count else { return nil }
        self.init(
            seed: seed, memberCount: values["--members"].flatMap { Int($0) },
            durationSeconds: values["--duration"].flatMap { Int($0) }, faults: faults)
    }
}

/// The result of one run; printed as a single line of JSON.
package struct RelayReport: Sendable, Codable {
    package var seed: UInt64
    package var members: Int
    package var durationSeconds: Int
    package var plannedFaults: [RelayFault]
    package var traceHash: String
    package var violations: [String]
    /// How often each kind of fault really happened.
    package var faults: [String: Int]
    package var requests: Int
    package var answered: Int
    package var displays: Int
    /// Displays of which every byte arrived, both ways.
    package var displaysWhole: Int
    /// Connections that members opened, and those that were carried.
    package var dialledBack: Int
    package var carried: Int
    /// Bytes that arrived over connections and carried streams.
    package var bytes: Int
    /// The most attempts at links in any second.
    package var attemptsInSecond: Int
    /// From the end of the last fault until every member was linked, in simulated seconds.
    package var linkedAfterSeconds: Double?
    package var events: Int
    package var simulatedSeconds: Double
    package var realSeconds: Double

    package var isSound: Bool { violations.isEmpty }
}
