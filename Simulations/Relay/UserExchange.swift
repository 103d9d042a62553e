// What one user does with one member: a request with its answer, or a display for a while.
import SimulatedWorld

/// One request or display, as its user sees it.
final class UserExchange: CustomStringConvertible {
    let number: UInt64
    let user: UInt32
    let member: MemberSlot
    let isDisplay: Bool
    /// Bytes each way.
    let count: Int
    let external: ExternalProcess
    let began: Duration
    private(set) var progress: Duration
    private let cluster: RelayCluster
    private var channel: Channel?
    private var head: [UInt8] = []
    private var sentCount = 0
    private var cameCount = 0
    /// Of a display, how many bytes the member has.
    private var arrivedCount = 0
    private var isOver = false

    init(
        _ number: UInt64, user: UInt32, _ member: MemberSlot, _ external: ExternalProcess, isDisplay: Bool, count: Int
    ) {
        self.number = number
        self.user = user
        self.member = member
        self.external = external
        self.isDisplay = isDisplay
        self.count = count
        cluster = external.cluster
        began = external.now
        progress = external.now
    }

    var description: String { "\(isDisplay ? "display" : "request") \(number) of user \(user) at \(member.name)" }

    func pattern(_ direction: Direction) -> Pattern { Pattern(exchange: number, user: user, direction) }

    func begin() {
        cluster.ledger.begin(self)
        external.connect(to: member) { [self] result in
            switch result {
            case .failure(let error): fail("\(error)")
            case .success(let channel) where isOver: channel.close()
            case .success(let channel): use(channel)
            }
        }
    }

    private func use(_ channel: Channel) {
        self.channel = channel
        progress = external.now
        channel.onClosed = { [self] in fail("its connection ended") }
        channel.onBytes = { [self] in came($0) }
        channel.send(Head(kind: isDisplay ? .display : .request, exchange: number, user: user, count: count).bytes)
        if isDisplay { sendSome() } else { channel.send(pattern(.up).bytes(0..<count)) }
    }

    /// A display's user sends in bursts.
    private func sendSome() {
        guard sentCount < count, let channel, !channel.isClosed else { return }
        let burst = cluster.random.oneIn(4) ? 600_000 : 5_000
        let next = min(count, sentCount + Int.random(in: 1...burst, using: &cluster.random))
        channel.send(pattern(.up).bytes(sentCount..<next))
        sentCount = next
        external.after(.milliseconds(Int.random(in: 5...500, using: &cluster.random))) { [self] in sendSome() }
    }

    private func came(_ bytes: [UInt8]) {
        progress = external.now
        var rest = bytes[...]
        if !isDisplay, head.count < Head.byteCount {
            let part = rest.prefix(Head.byteCount - head.count)
            head += part
            rest = rest.dropFirst(part.count)
            guard head.count == Head.byteCount else { return }
            let expected = Head(kind: .answer, exchange: number, user: user, count: count)
            guard Head(head[...]) == expected else { return violate("the answer to \(self) is somebody else's") }
        }
        if pattern(.down).mismatch(rest, at: cameCount) != nil {
            return violate("other bytes came to \(self) than were sent")
        }
        cameCount += rest.count
        if cameCount > count { return violate("more bytes came to \(self) than were sent") }
        finishIfWhole()
    }

    /// Bytes of a display have come to its member.
    func arrived(_ bytes: ArraySlice<UInt8>, at place: MemberSlot, _ offset: Int) {
        progress = cluster.world.uptime
        if place !== member || pattern(.up).mismatch(bytes, at: offset) != nil {
            return violate("other bytes of \(self) came to \(place.name) than were sent")
        }
        arrivedCount = max(arrivedCount, offset + bytes.count)
        if arrivedCount > count { return violate("more bytes of \(self) came than were sent") }
        finishIfWhole()
    }

    private func violate(_ text: String) {
        cluster.world.violate(text)
        fail("what came is wrong")
    }

    private func finishIfWhole() {
        let isWhole = cameCount == count && (isDisplay ? arrivedCount == count : head.count == Head.byteCount)
        guard !isOver, isWhole else { return }
        isOver = true
        cluster.ledger.finished(self)
        guard let channel else { return }
        self.channel = nil
        external.soon { [self] in isDisplay || cluster.random.oneIn(2) ? channel.close() : keep(channel) }
    }

    /// The next request to the member, of whatever user, goes over the same connection.
    private func keep(_ channel: Channel) {
        guard !channel.isClosed else { return }
        channel.onClosed = {}
        channel.onBytes = { [cluster] _ in cluster.world.violate("bytes came for which nobody had asked") }
        external.idle[member.name, default: []].append(channel)
        external.after(.seconds(20)) { [external, member] in
            let idle = external.idle[member.name]?.firstIndex { $0 === channel }
            guard let idle else { return }
            external.idle[member.name]?.remove(at: idle)
            channel.close()
        }
    }

    func fail(_ reason: String) {
        guard !isOver else { return }
        isOver = true
        cluster.ledger.failed(self, reason)
        guard let channel else { return }
        self.channel = nil
        external.soon { channel.close() }
    }
}
