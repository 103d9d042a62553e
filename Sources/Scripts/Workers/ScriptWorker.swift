// One process that runs scripts: what it is asked, and what its answers mean.
import JSON
import NIOCore
import OperatingSystem
package import Placement
import Replica
import Synchronization

/// A worker. Whoever has it uses it alone, one call after the other.
package actor ScriptWorker {
    private let process: ScriptProcess
    private let connection: WorkerConnection
    let limits: ScriptLimits
    /// What it was told of last, ordered by server id.
    private var kept: [KeptServer] = []
    private var lastQuestion: Int64 = 0
    private let isGivenUp = Atomic(false)
    private let isTaken = Atomic(false)

    /// Whether it may be used again: not after a call without an answer, nor after its process has closed the stream.
    package nonisolated var isUsable: Bool { !isGivenUp.load(ordering: .acquiring) && connection.isOpen }
    /// How long a process may take to end that has closed its end of the stream already.
    private static let endTimeMin: Duration = .milliseconds(100)

    init(_ process: ScriptProcess, _ limits: ScriptLimits, on group: any EventLoopGroup) async throws {
        self.process = process
        self.limits = limits
        connection = try await WorkerConnection.open(process.data, on: group) { [weak process] in process?.kill() }
    }

    /// Waits until its process answers, so that Node's own start is not part of the time that a script may take.
    func becomeReady() async throws(ScriptStartError) {
        let call = await ask(
            Self.checkHeader(Self.nothing), ByteBuffer(bytes: Self.nothing.text), within: Self.readyTimeMax)
        guard case .unanswered(let why) = call.outcome else { return }
        switch why {
        case .tooSlow(let limit): throw .notReady("it did not answer within \(limit) ms")
        case .tooLarge(let limit): throw .notReady("it was ended for lack of memory; scripts may use \(limit) MiB")
        case .leftScope: throw .notReady("its answer cannot be believed")
        case .crashed(let how): throw .notReady(how)
        }
    }

    private static let nothing = ScriptSource(name: "Nothing", text: Array("() => undefined".utf8))
    /// On a busy host; usually it is a tenth of a second.
    private static let readyTimeMax: Duration = .seconds(20)

    /// Has no more use: its process ends.
    package func end() {
        isGivenUp.store(true, ordering: .releasing)
        connection.close()
        process.kill()
    }

    /// Takes it away from whoever uses it: its process ends, and what a call under way comes to means nothing.
    func takeAway() {
        isTaken.store(true, ordering: .releasing)
        end()
    }

    /// Whether it was taken away.
    nonisolated var wasTakenAway: Bool { isTaken.load(ordering: .acquiring) }

    /// Resumes once its process has ended, for whatever reason.
    package nonisolated func waitForEnd() async { _ = await process.end() }

    /// For messages.
    package nonisolated var pid: Int32 { process.pid }
    /// What Node calls itself.
    package nonisolated var nodeVersion: String { process.nodeVersion }
    /// Walls that could not be put up, a sentence each.
    package nonisolated var missingWalls: [String] { process.missingWalls }

    // MARK: Chains

    /// Begins a chain: the list of the next call is that of the candidates.
    package func begin(_ question: ChainQuestion) {
        bringUpToDate(question.servers)
        let without = question.without.map { JSONValue.string($0.text) }
        connection.tell(WorkerFrame(header: ["type": "chain", "without": .array(without)]))
    }

    /// Tells it what has changed since it was told last.
    ///
    /// - Parameter servers: All that are known, ordered by server id.
    package func bringUpToDate(_ servers: [KeptServer]) {
        var (changed, dropped): ([KeptServer], [ServerID]) = ([], [])
        var before = kept[...]
        for server in servers {
            if before.first?.number == server.number {
                before.removeFirst()
                continue
            }
            while let first = before.first, first.id < server.id {
                dropped.append(first.id)
                before.removeFirst()
            }
            if before.first?.id == server.id { before.removeFirst() }
            changed.append(server)
        }
        dropped += before.map(\.id)
        kept = servers
        var left = changed[...]
        while !left.isEmpty || !dropped.isEmpty {
            var texts = ByteBuffer()
            var put: [JSONValue] = []
            while let server = left.first, put.isEmpty || texts.readableBytes < Self.textsByteCount {
                texts.writeBytes(server.text)
                put.append(.array([.string(server.id.text), .integer(Int64(server.text.count))]))
                left.removeFirst()
            }
            let drop = JSONValue.array(dropped.map { .string($0.text) })
            dropped = []
            connection.tell(
                WorkerFrame(header: ["type": "servers", "put": .array(put), "drop": drop], texts: texts))
        }
    }

    /// How much a frame tells of servers at the most, but for the last one of them: a worker holds a frame whole.
    private static let textsByteCount = 1 << 20

    /// There is no question for now: what it does between two chains, it may do.
    package func rest() {
        connection.tell(WorkerFrame(header: ["type": "rest"]))
    }

    /// Asks one function, with the list that the one before has left.
    package func call(_ script: ScriptSource, _ question: ChainQuestion) async -> ScriptCall {
        var texts = ByteBuffer(bytes: script.text)
        texts.writeBytes(question.input)
        return await ask(
            [
                "type": "call", "name": .string(script.name), "local": .string(question.local.text),
                "text": .integer(Int64(script.text.count)), "input": .integer(Int64(question.input.count)),
            ], texts, within: limits.time)
    }

    /// Whether a text is a function: `next` where it is one, otherwise what is wrong.
    package func check(_ script: ScriptSource) async -> ScriptCall {
        await ask(Self.checkHeader(script), ByteBuffer(bytes: script.text), within: limits.time)
    }

    private static func checkHeader(_ script: ScriptSource) -> [String: JSONValue] {
        ["type": "check", "name": .string(script.name), "text": .integer(Int64(script.text.count))]
    }

    // MARK: Questions

    /// What came of a question.
    enum Answer<Outcome: Sendable>: Sendable {
        case outcome(Outcome, WorkerFrame)
        /// The process has ended, or is about to.
        case none(ScriptFailure)
    }

    /// Asks, and ends the process where no answer comes in time, or one that `read` does not take.
    func ask<Outcome: Sendable>(
        _ header: [String: JSONValue], _ texts: ByteBuffer, within limit: Duration,
        _ read: (WorkerFrame) -> Outcome?
    ) async -> (answer: Answer<Outcome>, milliseconds: Double) {
        lastQuestion += 1
        let header = header.merging(["id": .integer(lastQuestion)]) { $1 }
        let began = ContinuousClock.now
        let reply = await connection.ask(WorkerFrame(header: .object(header), texts: texts), within: limit)
        let elapsed = (ContinuousClock.now - began) / .milliseconds(1)
        guard case .frame(let answer) = reply, answer.header.integer("id") == lastQuestion, let outcome = read(answer)
        else { return (.none(await giveUp(after: reply, by: began + limit, limit)), elapsed) }
        return (.outcome(outcome, answer), elapsed)
    }

    private func ask(
        _ header: [String: JSONValue], _ texts: ByteBuffer, within limit: Duration
    ) async -> ScriptCall {
        let (answer, elapsed) = await ask(header, texts, within: limit) { Self.outcome($0.header["outcome"]) }
        switch answer {
        case .none(let why): return ScriptCall(.unanswered(why), milliseconds: elapsed)
        case .outcome(var outcome, let frame):
            if frame.header["hasLeft"] == .bool(true) {
                isGivenUp.store(true, ordering: .releasing)
                outcome = .unanswered(.leftScope)
            }
            return ScriptCall(
                outcome, milliseconds: frame.header["milliseconds"]?.double ?? elapsed,
                heapByteCount: frame.header.integer("heapBytes").map { Int($0) },
                console: Array(frame.header.texts("console").prefix(Self.consoleLineCountMax)))
        }
    }

    /// As many as an honest worker sends.
    private static let consoleLineCountMax = 201

    /// Ends the process, which has not answered, or has answered with what it should not.
    ///
    /// - Parameter deadline: When its time is over; `limit` is how much that was.
    private func giveUp(
        after reply: WorkerReply, by deadline: ContinuousClock.Instant, _ limit: Duration
    ) async -> ScriptFailure {
        isGivenUp.store(true, ordering: .releasing)
        defer { connection.close() }
        let tooSlow = ScriptFailure.tooSlow(limitMilliseconds: Int(limit / .milliseconds(1)))
        switch reply {
        case .late:
            process.kill()
            return tooSlow
        case .frame, .nonsense:
            process.kill()
            return .crashed("its process sent what is no answer")
        case .ended:
            // Most likely it has ended; but a script may have closed the stream, and go on.
            let rest = max(deadline - .now, Self.endTimeMin)
            let patience = Task { [process] in
                // Not a wait for something: how long there is to wait at the most. Cancelled once the process has ended.
                if (try? await Task.sleep(for: rest)) != nil { process.kill() }
            }
            defer { patience.cancel() }
            let end = await process.end()
            return end.reason == .killed ? tooSlow : noAnswer(end)
        }
    }

    private func noAnswer(_ end: ScriptEnd) -> ScriptFailure {
        switch end.reason {
        case .outOfMemory: .tooLarge(limitMiB: limits.memoryMiB)
        case .killed, .guardLost: .crashed("its process was ended")
        case .exited(let status): .crashed("its process ended with status \(status)\(Self.said(end))")
        case .signalled(let signal): .crashed("its process was ended by signal \(signal)\(Self.said(end))")
        }
    }

    /// The line that tells most of what the process wrote, where it wrote any: Node puts the error itself between the
    /// place in the text and the stack, and its own name last.
    private static func said(_ end: ScriptEnd) -> String {
        let lines = end.standardError.split(whereSeparator: \.isNewline)
        let line = lines.last { $0.prefix { $0 != ":" && $0 != " " }.hasSuffix("Error") } ?? lines.last ?? ""
        return line.isEmpty ? "" : ": \(ShownText.oneLine(String(line)))"
    }

    private static func outcome(_ value: JSONValue?) -> ScriptOutcome? {
        guard let value else { return nil }
        switch value.text("kind") {
        case "server"?: return value.text("server").map { .server($0) }
        case "list"?: return list(value)
        case "next"?, "function"?: return .next
        case "wrong"?: return value.text("what").map { .wrong($0) }
        case "wrongElement"?:
            guard let index = value.integer("index"), let what = value.text("what") else { return nil }
            return .wrongElement(index: Int(index), what: what)
        case "error"?:
            return ScriptError(reading: value).map { .threw($0) }
        default: return nil
        }
    }

    private static func list(_ value: JSONValue) -> ScriptOutcome? {
        guard case .array(let elements)? = value["servers"], let changedCount = value.integer("changed") else {
            return nil
        }
        var numbers: [Int] = []
        numbers.reserveCapacity(elements.count)
        for element in elements {
            guard case .integer(let number) = element else { return nil }
            numbers.append(Int(number))
        }
        return .list(numbers, changedCount: Int(changedCount))
    }
}

extension ScriptError {
    /// Nil where an answer tells of none.
    init?(reading outcome: JSONValue) {
        guard let message = outcome.text("message") else { return nil }
        self.init(
            message: message, className: outcome.text("class"), line: outcome.integer("line").map { Int($0) },
            column: outcome.integer("column").map { Int($0) }, stack: outcome.text("stack"))
    }
}
