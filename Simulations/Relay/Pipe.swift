// A connection between a member and the external one: bytes in order, until it is cut at any of them.
import SimulatedWorld

/// Which way something goes.
enum Direction: Int {
    case up, down
}

/// One connection. End 0 is at the member that opened it, end 1 at the external member.
final class Pipe {
    struct End {
        var process: SimulatedProcess?
        var onBytes: ([UInt8]) -> Void = { _ in }
        var onClosed: () -> Void = {}
        fileprivate var isClosed = false
        fileprivate var inbox: [[UInt8]?] = []
        /// When the latest of what is under way arrives.
        fileprivate var arrival: Duration = .zero
        fileprivate var sentCount = 0
        fileprivate var arrivedCount = 0
        /// How many bytes arrive at all, once the connection is cut.
        fileprivate var limit: Int?
    }

    let member: MemberSlot
    let isLink: Bool
    var ends: [End]
    private(set) var isDead = false
    /// It is dead and nobody is told, not even of an end that was under way.
    private var isSilent = false
    private let cluster: RelayCluster

    /// - Parameter arrival: When the external member learns of it.
    init(_ member: MemberSlot, _ process: SimulatedProcess, isLink: Bool, arrival: Duration) {
        self.member = member
        self.isLink = isLink
        cluster = process.cluster
        ends = [End(process: process), End(arrival: arrival)]
        process.add(self)
    }

    /// When the request with which it begins arrives.
    var requestArrival: Duration { ends[1].arrival }

    /// Nothing comes of it any more at the end of its process.
    var isOver: Bool { ends[0].isClosed && ends[1].isClosed || isDead && (ends[0].isClosed || ends[1].isClosed) }

    func send(_ bytes: [UInt8], from end: Int) {
        guard !ends[end].isClosed, !isDead, !bytes.isEmpty else { return }
        ends[end].sentCount += bytes.count
        plan(bytes, to: 1 - end)
    }

    /// Closes one end; the other one learns it after everything that was sent.
    func close(from end: Int) {
        guard !ends[end].isClosed else { return }
        close(end)
        if !isDead { plan(nil, to: 1 - end) }
    }

    private func close(_ end: Int) {
        ends[end].isClosed = true
        ends[end].onBytes = { _ in }
        ends[end].onClosed = {}
    }

    private func plan(_ bytes: [UInt8]?, to end: Int) {
        let time = cluster.arrival(member, end == 1 ? .up : .down)
        ends[end].arrival = max(ends[end].arrival, time)
        cluster.world.plan(at: ends[end].arrival) { [self] in arrive(bytes, at: end) }
    }

    private func arrive(_ bytes: [UInt8]?, at end: Int) {
        guard !ends[end].isClosed, let process = ends[end].process else { return }
        guard let bytes else { return isSilent ? () : put(nil, at: end, process) }
        let rest = ends[end].limit.map { $0 - ends[end].arrivedCount } ?? bytes.count
        guard rest > 0 else { return }
        ends[end].arrivedCount += bytes.count
        cluster.mix(bytes, member.number * 2 + end)
        let part = rest < bytes.count ? Array(bytes.prefix(rest)) : bytes
        if part.count > 1, cluster.random.oneIn(8) {
            let middle = Int.random(in: 1..<part.count, using: &cluster.random)
            put(Array(part[..<middle]), at: end, process)
            put(Array(part[middle...]), at: end, process)
        } else {
            put(part, at: end, process)
        }
    }

    /// What arrives at a process that is stopped waits, in order.
    private func put(_ item: [UInt8]?, at end: Int, _ process: SimulatedProcess) {
        ends[end].inbox.append(item)
        process.whenAwake { [self] in
            while !ends[end].inbox.isEmpty {
                let item = ends[end].inbox.removeFirst()
                guard !ends[end].isClosed else { continue }
                if let item {
                    ends[end].onBytes(item)
                } else {
                    let closed = ends[end].onClosed
                    close(end)
                    closed()
                }
            }
        }
    }

    /// Of what is under way a random part arrives, and nothing after it.
    ///
    /// - Parameter milliseconds: How long it may take until an end is told, where it is.
    func cut(isTold: Bool, within milliseconds: Int = 2_000) {
        guard !isDead else { return }
        isDead = true
        isSilent = !isTold
        for end in 0...1 {
            let underWay = ends[1 - end].sentCount - ends[end].arrivedCount
            ends[end].limit = ends[end].arrivedCount + Int.random(in: 0...max(0, underWay), using: &cluster.random)
            guard isTold, !ends[end].isClosed else { continue }
            let wait = Duration.milliseconds(Int.random(in: 0...milliseconds, using: &cluster.random))
            let time = max(ends[end].arrival, cluster.world.uptime + wait)
            cluster.world.plan(at: time) { [self] in arrive(nil, at: end) }
        }
    }

    /// The process at one end is gone, and its host says so.
    func die() { cut(isTold: true, within: 50) }
}
