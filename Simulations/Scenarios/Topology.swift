// Who dials whom in a simulated cluster.
package import SimulatedWorld

/// A shape of cluster.
package enum TopologyKind: String, CaseIterable, Sendable, Codable {
    case chain, star, accessPoints, random, twoSites, external

    /// Whether there is one way only between any two members.
    var isTree: Bool {
        switch self {
        case .chain, .star, .twoSites: true
        case .accessPoints, .random, .external: false
        }
    }
}

/// The access points of every member, by number.
package struct Topology: Sendable {
    package let kind: TopologyKind
    package let dials: [[Int]]
    /// Members that others name as access points.
    package let hubs: [Int]
    /// The member with a gateway key, where there is one.
    package let gateway: Int?

    /// How many access points a member names at most.
    package static let accessPointCountMax = 6

    package init(_ kind: TopologyKind, memberCount: Int, _ random: inout SplitMix64) {
        self.kind = kind
        var gateway: Int?
        let dials: [[Int]]
        switch kind {
        case .chain: dials = (0..<memberCount).map { $0 == 0 ? [] : [$0 - 1] }
        case .star: dials = (0..<memberCount).map { $0 == 0 ? [] : [0] }
        case .accessPoints: dials = Self.tree(memberCount, &random)
        case .random: dials = Self.scattered(memberCount, &random)
        case .twoSites: dials = Self.sites(memberCount, &random)
        case .external:
            // All others are joined among themselves as well: nothing passes through a gateway.
            gateway = memberCount - 1
            dials = (0..<memberCount).map { number in
                if number == memberCount - 1 { return [] }
                return (number == 0 ? [] : [Int.random(in: 0..<number, using: &random)]) + [memberCount - 1]
            }
        }
        self.dials = dials
        self.gateway = gateway
        hubs = Array(Set(dials.joined())).sorted()
    }

    /// Up to six access points linked to each other; each of the others names one to three of them.
    private static func tree(_ memberCount: Int, _ random: inout SplitMix64) -> [[Int]] {
        let hubCount = max(1, min(accessPointCountMax, memberCount / 3))
        return (0..<memberCount).map { number in
            if number < hubCount { return Array(0..<number) }
            return Array(Array(0..<hubCount).shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)))
        }
    }

    /// Everybody reaches somebody with a lower number, so all are joined; some name more.
    private static func scattered(_ memberCount: Int, _ random: inout SplitMix64) -> [[Int]] {
        (0..<memberCount).map { number in
            var dialled = number == 0 ? [] : [Int.random(in: 0..<number, using: &random)]
            for other in 0..<memberCount where other != number && !dialled.contains(other) {
                if dialled.count < accessPointCountMax, random.oneIn(memberCount) { dialled.append(other) }
            }
            return dialled
        }
    }

    /// Two sites, each around an access point of its own, joined by a single link between these.
    private static func sites(_ memberCount: Int, _ random: inout SplitMix64) -> [[Int]] {
        let border = memberCount / 2
        return (0..<memberCount).map { number in
            if number == 0 { return [] }
            return number < border ? [0] : number == border ? [0] : [border]
        }
    }
}
