// A member's server on one connection: executes requests, and is the other end of displays.
import SimulatedWorld

/// Reads what comes over a connection, and answers.
final class MemberServer {
    private let channel: Channel
    private let process: MemberProcess
    private var cluster: RelayCluster { process.cluster }
    private var buffer: ArraySlice<UInt8> = []
    private var display: (head: Head, came: Int, sent: Int)?

    init(_ channel: Channel, _ process: MemberProcess) {
        self.channel = channel
        self.process = process
    }

    func start() {
        channel.onBytes = { [self] in came($0) }
    }

    private func came(_ bytes: [UInt8]) {
        buffer += bytes
        while display == nil {
            guard buffer.count >= Head.byteCount else { return }
            guard let head = Head(buffer.prefix(Head.byteCount)), head.kind != .answer else {
                cluster.world.violate("\(process.member.name) got something that is no request")
                return channel.close()
            }
            if head.kind == .display {
                buffer = buffer.dropFirst(Head.byteCount)
                display = (head, 0, 0)
                sendSome()
            } else {
                guard buffer.count >= Head.byteCount + head.count else { return }
                execute(head, buffer.dropFirst(Head.byteCount).prefix(head.count))
                buffer = buffer.dropFirst(Head.byteCount + head.count)
            }
        }
        takeDisplay()
    }

    private func execute(_ head: Head, _ body: ArraySlice<UInt8>) {
        cluster.ledger.executes(head, body, at: process.member)
        let answer = Head(kind: .answer, exchange: head.exchange, user: head.user, count: head.count)
        let bytes = Pattern(exchange: head.exchange, user: head.user, .down).bytes(0..<head.count)
        process.after(.milliseconds(Int.random(in: 0...300, using: &cluster.random))) { [channel] in
            channel.send(answer.bytes)
            channel.send(bytes)
        }
    }

    private func takeDisplay() {
        guard let display, !buffer.isEmpty else { return }
        let bytes = buffer
        buffer = []
        self.display?.came += bytes.count
        cluster.ledger.exchange(display.head.exchange)?.arrived(bytes, at: process.member, display.came)
    }

    private func sendSome() {
        guard let display, display.sent < display.head.count, !channel.isClosed else { return }
        let burst = cluster.random.oneIn(4) ? 600_000 : 20_000
        let next = min(display.head.count, display.sent + Int.random(in: 1...burst, using: &cluster.random))
        let pattern = Pattern(exchange: display.head.exchange, user: display.head.user, .down)
        channel.send(pattern.bytes(display.sent..<next))
        self.display?.sent = next
        process.after(.milliseconds(Int.random(in: 5...500, using: &cluster.random))) { [self] in sendSome() }
    }
}
