// What a run is made of: a seed, and the little that a person may want to choose. Everything else is drawn from it.
import SimulatedWorld

/// A run before it has begun.
package struct Plan: Sendable, Hashable, Codable {
    package var seed: UInt64
    package var scenario: Scenario
    /// Members at the beginning; clones and intruders come on top.
    package var memberCount: Int
    /// How long faults go on, in simulated seconds; the run then lasts until all maps are equal.
    package var durationSeconds: Int
    package var faults: [FaultKind]

    /// The plan of a seed, with what is given in place of what is drawn.
    package init(
        seed: UInt64, scenario: Scenario = .swarm, memberCount: Int? = nil, durationSeconds: Int? = nil,
        faults: [FaultKind]? = nil
    ) {
        var random = SplitMix64(seed: seed, purpose: "plan")
        self.seed = seed
        self.scenario = scenario
        let drawnCount = scenario.drawMemberCount(&random)
        self.memberCount = memberCount ?? drawnCount
        self.durationSeconds = durationSeconds ?? scenario.durationSeconds
        // In one order, whichever they were named in: what is drawn for each depends on it.
        self.faults = (faults ?? scenario.drawFaults(&random)).sorted { $0.rawValue < $1.rawValue }
    }

    /// The arguments of `fastx-simulate` that repeat the run.
    package var arguments: String {
        var words = ["run", "--seed", "\(seed)", "--scenario", scenario.rawValue]
        words += ["--members", "\(memberCount)", "--duration", "\(durationSeconds)"]
        words += ["--faults", faults.isEmpty ? "none" : faults.map(\.rawValue).joined(separator: ",")]
        return words.joined(separator: " ")
    }
}

extension Plan {
    /// The plan that a line of arguments asks for, as `arguments` gives it; nil where it is none.
    package init?(arguments text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.first == "run", words.count.isMultiple(of: 2) == false else { return nil }
        var values: [String: String] = [:]
        for position in stride(from: 1, to: words.count, by: 2) { values[words[position]] = words[position + 1] }
        guard let seed = values["--seed"].flatMap({ UInt64($0) }) else { return nil }
        let names = values["--faults"].map { $0 == "none" ? [] : $0.split(separator: ",").map(String.init) }
        let faults = names?.compactMap { FaultKind(rawValue: $0) }
        guard faults?.count == names?.count else { return nil }
        let scenario = values["--scenario"].map { Scenario(rawValue: $0) } ?? .swarm
        guard let scenario else { return nil }
        self.init(
            seed: seed, scenario: scenario, memberCount: values["--members"].flatMap { Int($0) },
            durationSeconds: values["--duration"].flatMap { Int($0) }, faults: faults)
    }
}

/// A kind of run.
package enum Scenario: String, CaseIterable, Sendable, Codable {
    /// A random cluster under two to six kinds of fault, drawn for each seed.
    case swarm
    case quiet
    case everything
    case network, partitions, torn, disks, processes, clocks, trust, reconnecting
    case longAbsence, newcomer, twoSites, external
    /// Real LMDB stores, with processes killed, errors and rolled-back directories.
    case storage

    package var meaning: String {
        switch self {
        case .swarm: "a random cluster, workload and mixture of two to six kinds of fault"
        case .quiet: "no fault at all: what is sent, and how often"
        case .everything: "every kind of fault"
        case .network: "loss, duplication, reordering, delay and clogging"
        case .partitions: "partitions one way, both ways, and with only the access points in reach"
        case .torn: "connections torn within messages"
        case .disks: "slow stores, errors of the disk, rolled-back directories, missed changes"
        case .processes: "processes killed, stopped and cloned"
        case .clocks: "clocks off by minutes and years, and stepping back"
        case .trust: "keys rotated while somebody without the key dials and sits in between"
        case .reconnecting: "forty members or more with one access point, all reset at once"
        case .longAbsence: "members away for up to an hour while keys are deleted and leases renewed and deleted"
        case .newcomer: "members that start empty beside large maps, and get them as streams"
        case .twoSites: "two sites joined by a single link"
        case .external: "an external member with a gateway key, linked to by all others"
        case .storage: "real stores on disk: processes killed, errors of the disk, rolled-back directories"
        }
    }

    package var durationSeconds: Int {
        switch self {
        case .longAbsence: 3_600
        case .storage: 60
        default: 120
        }
    }

    func drawMemberCount(_ random: inout SplitMix64) -> Int {
        switch self {
        case .reconnecting: Int.random(in: 40...80, using: &random)
        case .storage: Int.random(in: 3...5, using: &random)
        // Three of five runs have ten or more.
        default:
            Int.random(in: 0..<5, using: &random) < 2
                ? Int.random(in: 3...9, using: &random) : Int.random(in: 10...16, using: &random)
        }
    }

    func drawFaults(_ random: inout SplitMix64) -> [FaultKind] {
        switch self {
        case .quiet, .newcomer: []
        case .everything: FaultKind.allCases
        case .network: [.delay, .clog, .loss, .silentLoss, .duplication, .reordering]
        case .partitions: [.oneWayPartition, .partition, .onlyAccessPoints]
        case .torn: [.tear]
        case .disks: [.slowStore, .storeError, .rollback, .missedChanges]
        case .processes: [.restart, .pause, .clone]
        case .clocks: [.clockOffset, .clockStepBack, .clockYears]
        case .trust: [.keyRotation, .intruder, .laterVersion]
        case .reconnecting: [.reconnectAll]
        case .longAbsence: [.away]
        case .twoSites: [.partition, .loss, .oneWayPartition]
        case .external: [.loss, .restart, .partition]
        case .storage: [.restart, .storeError, .rollback]
        case .swarm:
            Array(FaultKind.allCases.shuffled(using: &random).prefix(Int.random(in: 2...6, using: &random)))
                .sorted { $0.rawValue < $1.rawValue }
        }
    }
}
