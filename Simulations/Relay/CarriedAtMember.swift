// A member's end of a carried stream: one request after the other, each sent again until it is taken.
import Relay
import SimulatedWorld

/// What the member has of one carried stream.
final class CarriedAtMember {
    let channel = Channel()
    private let name: String
    private let process: MemberProcess
    private var stream = CarriedStream()
    private var queue: ArraySlice<UInt8> = []
    private var early: [[UInt8]] = []
    private var isServed = false
    private var isEnding = false
    private var isSending = false
    private var totals: [UInt64] = []
    private var isConfirming = false
    /// How long whoever reads may take for a message, in microseconds.
    private let slowness: Int64
    private var passTime: Duration = .zero
    private var heldCount = 0

    init(_ name: String, _ process: MemberProcess) {
        self.name = name
        self.process = process
        slowness = process.cluster.random.oneIn(4) ? 200_000 : 20_000
        channel.carrySend = { [self] bytes in
            queue += bytes
            pump()
        }
        channel.carryClose = { [self] in
            isEnding = true
            pump()
        }
    }

    /// The external member has it as well: what came is read now.
    func start() {
        isServed = true
        MemberServer(channel, process).start()
        for bytes in early { pass(bytes) }
        early = []
    }

    func end() { process.soon { [channel] in channel.ended() } }

    // MARK: What is sent

    private func pump() {
        guard !isSending, process.isCarried(name) else { return }
        let count = min(stream.room, CarriedStream.chunkByteCount, queue.count)
        guard count > 0 else {
            if isEnding, queue.isEmpty { process.ended(name) }
            return
        }
        let confirmed = stream.passedCount
        let offset = stream.send(count)
        let part = Array(queue.prefix(count))
        queue.removeFirst(count)
        isSending = true
        post(part, offset, confirmed) { [self] isTaken in
            isSending = false
            if isTaken { pump() } else { broken() }
        }
    }

    private func post(_ bytes: [UInt8], _ offset: UInt64, _ confirmed: UInt64, _ done: @escaping (Bool) -> Void) {
        let member = process.member.name
        let giveUp = process.now + process.cluster.settings.silence
        process.retrying(until: giveUp) { [self] in
            process.isCarried(name)
        } _: { [name] external in
            external.take(bytes, at: offset, confirming: confirmed, over: name, from: member)
        } _: { error in
            done(error == nil)
        }
    }

    private func broken() {
        channel.ended()
        process.ended(name)
    }

    func confirm(_ count: UInt64) throws(RelayError) {
        try stream.confirm(count)
        pump()
    }

    // MARK: What comes

    func take(_ offset: UInt64, _ bytes: [UInt8]) throws(RelayError) {
        let new = Array(try stream.take(offset: offset, bytes))
        guard !new.isEmpty else { return }
        heldCount += new.count
        process.cluster.ledger.check(window: heldCount)
        if isServed { pass(new) } else { early.append(new) }
    }

    /// Whoever reads takes his time.
    private func pass(_ bytes: [UInt8]) {
        let pause = Duration.microseconds(Int64.random(in: 0...slowness, using: &process.cluster.random))
        passTime = max(passTime, process.now) + pause
        process.cluster.world.plan(at: passTime) { [self] in
            process.whenAwake { [self] in
                guard !channel.isClosed else { return }
                channel.received(bytes)
                heldCount -= bytes.count
                if let total = stream.passed(bytes.count) { totals.append(total) }
                sendTotals()
            }
        }
    }

    private func sendTotals() {
        guard !isConfirming, !totals.isEmpty, process.isCarried(name) else { return }
        isConfirming = true
        post([], 0, totals.removeFirst()) { [self] isTaken in
            isConfirming = false
            if isTaken { sendTotals() } else { broken() }
        }
    }
}
