// Workers that do what no honest one does: whoever asked gets an answer in time, and nothing is left of them.
import Glibc
import JSON
import OperatingSystem
import Placement
import Scripts
import Synchronization
import TestSupport
import Testing

@Suite("Workers that misbehave")
struct ScriptPoolTests {
    /// Reads frames and sends frames; what a test does with them follows.
    private static let frames = """
        const fs = require("fs");
        function take(count) {
          const bytes = Buffer.alloc(count);
          for (let have = 0, more; have < count; have += more) {
            more = fs.readSync(0, bytes, have, count - have);
            if (more === 0) process.exit(0);
          }
          return bytes;
        }
        function next() {
          for (;;) {
            const body = take(take(4).readUInt32BE(0));
            const header = JSON.parse(body.toString("utf8", 4, 4 + body.readUInt32BE(0)));
            if (header.type !== "rest") return header;
          }
        }
        function answer(id, more) {
          const console = [String(process.pid)];
          const outcome = { kind: "next" };
          const text = Buffer.from(JSON.stringify({ id, milliseconds: 1, heapBytes: 1, console, outcome, ...more }));
          const head = Buffer.alloc(8);
          head.writeUInt32BE(4 + text.length, 0);
          head.writeUInt32BE(text.length, 4);
          fs.writeSync(0, Buffer.concat([head, text]));
        }

        """
    private static let limit: Duration = .milliseconds(400)
    private static let tooSlow = ScriptOutcome.unanswered(.tooSlow(limitMilliseconds: 400))
    private static let script = ScriptSource(name: "Any", text: Array("() => 0".utf8))

    /// A pool whose workers run a main script of the test's.
    ///
    /// - Parameter isReady: Whether they answer what each is asked first, before that.
    private static func with(
        _ main: String, isReady: Bool = true, idleTime: Duration = ScriptPool.idleTime, limit: Duration = limit,
        _ test: @Sendable (ScriptPool) async throws -> Void
    ) async throws {
        try await ScriptFixture.with(frames + (isReady ? "answer(next().id);\n" : "") + main) { fixture in
            let limits = ScriptLimits(node: ScriptPrograms.node, time: limit, memoryMiB: 64)
            let pool = ScriptPool(idleTime: idleTime, endTimeMax: ScriptFixture.patience) {
                limits
            } start: { (limits) throws(ScriptStartError) in
                try await fixture.started(limits)
            }
            try await test(pool)
            await pool.close()
        }
    }

    private static func outcome(_ pool: ScriptPool) async throws -> ScriptOutcome {
        try await pool.withWorker { await $0.check(script).outcome }
    }

    @Test("The time of its start is not the script's")
    func start() async throws {
        let main = "const end = Date.now() + 600; while (Date.now() < end) {} for (;;) answer(next().id);"
        try await Self.with(main, isReady: false) { pool in
            let outcome = try await Self.outcome(pool)
            #expect(outcome == .next)
        }
    }

    @Test("One that ends at its start is no worker, and its last words say why")
    func broken() async throws {
        try await Self.with("console.error('over here'); process.exit(3);", isReady: false) { pool in
            await #expect(
                throws: NoWorker.cannotStart(
                    "what runs scripts did not begin: its process ended with status 3: over here")
            ) { try await Self.outcome(pool) }
        }
    }

    @Test("One that closes its stream and goes on is ended when its time is over")
    func closed() async throws {
        try await Self.with("next(); fs.closeSync(0); for (;;) {}") { pool in
            let outcome = await TimeLimit.run(ScriptFixture.patience) { try? await Self.outcome(pool) }
            #expect(outcome == Self.tooSlow)
        }
    }

    @Test("One that ends before it has answered tells its status")
    func ended() async throws {
        try await Self.with("next(); process.exit(3);") { pool in
            let outcome = try await Self.outcome(pool)
            #expect(outcome == .unanswered(.crashed("its process ended with status 3")))
        }
    }

    @Test("One that ends with an error of Node's tells the error, and not Node's name after it")
    func uncaught() async throws {
        try await Self.with("next(); throw new RangeError('too far');") { pool in
            let outcome = try await Self.outcome(pool)
            #expect(outcome == .unanswered(.crashed("its process ended with status 1: RangeError: too far")))
        }
    }

    @Test("The answer of one whose script has left its scope does not count, and it is not lent again")
    func leftScope() async throws {
        try await Self.with("for (;;) answer(next().id, { hasLeft: true });") { pool in
            var pids: Set<String> = []
            for _ in 0..<3 {
                let call = try await pool.withWorker { await $0.check(Self.script) }
                #expect(call.outcome == .unanswered(.leftScope))
                pids.formUnion(call.console)
            }
            #expect(pids.count == 3)
        }
    }

    @Test("One that sends what is no frame is ended, whatever it does then", arguments: ["\\0\\0\\0\\0", "nonsense"])
    func nonsense(_ text: String) async throws {
        try await Self.with("next(); fs.writeSync(0, \"\(text)\"); for (;;) {}") { pool in
            let outcome = await TimeLimit.run(ScriptFixture.patience) { try? await Self.outcome(pool) }
            #expect(outcome == .unanswered(.crashed("its process sent what is no answer")))
        }
    }

    @Test("One that sends a second answer is ended, and is not lent again")
    func unasked() async throws {
        try await Self.with("const { id } = next(); answer(id); answer(id); for (;;) {}") { pool in
            for _ in 0..<3 {
                let call = try await pool.withWorker { await $0.check(Self.script) }
                #expect(call.outcome == .next)
                // It may have ended already.
                guard let pid = call.console.first.flatMap({ Int32($0) }), let process = try Kernel.openProcess(pid)
                else { continue }
                #expect(await TimeLimit.run(ScriptFixture.patience) { await Readiness.untilReadable(process) } != nil)
            }
        }
    }

    @Test("There are never more than there may be, and none that nobody has needed for a while")
    func counts() async throws {
        let main = "for (;;) answer(next().id);"
        try await Self.with(main, isReady: false, idleTime: .milliseconds(200)) { pool in
            for _ in 0..<20 {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<12 { group.addTask { #expect((try? await Self.outcome(pool)) == .next) } }
                }
                #expect(await pool.status.workerCount <= ScriptPool.workerCountMax)
            }
            let deadline = ContinuousClock.now + ScriptFixture.patience
            while await pool.status.workerCount > 0, .now < deadline { try await Task.sleep(for: .milliseconds(20)) }
            #expect(await pool.status.workerCount == 0)
        }
    }

    @Test(
        "When the agent stops whoever uses a worker, waits for one or asks for one is told so, and no process is left")
    func close() async throws {
        // Each answers what it is asked first, and the next question never.
        try await Self.with("next(); for (;;) {}", limit: .seconds(60)) { pool in
            let count = ScriptPool.workerCountMax + 3
            let answers = (0..<count).map { _ in
                Task { () async -> NoWorker? in
                    do throws(NoWorker) {
                        _ = try await pool.withWorker { await $0.check(Self.script) }
                        return nil
                    } catch { return error }
                }
            }
            let deadline = ContinuousClock.now + ScriptFixture.patience
            var status = await pool.status
            while status.workerPIDs.count < ScriptPool.workerCountMax || status.waitingCount != 3, .now < deadline {
                try await Task.sleep(for: .milliseconds(20))
                status = await pool.status
            }
            let pids = status.workerPIDs
            #expect(pids.count == ScriptPool.workerCountMax && status.waitingCount == 3)
            await pool.close()
            for pid in pids { #expect(kill(pid, 0) != 0 && errno == ESRCH, "process \(pid) is left") }
            #expect(await pool.status.workerCount == 0)
            for answer in answers { #expect(await answer.value == .stopping) }
            await #expect(throws: NoWorker.stopping) { try await Self.outcome(pool) }
        }
    }

    @Test("A start that is under way when the agent stops leaves no process")
    func closeAtStart() async throws {
        try await Self.with("for (;;) answer(next().id);", isReady: false) { pool in
            await pool.warmUp()
            await pool.close()
            let status = await pool.status
            #expect(status.workerCount == 0 && status.workerPIDs.isEmpty)
        }
    }

    @Test("What a start has told counts as long as the next one would be like it")
    func status() async throws {
        try await ScriptFixture.with("\(Self.frames)for (;;) answer(next().id);") { fixture in
            let limits = Mutex(ScriptLimits(node: ScriptPrograms.node, time: Self.limit, memoryMiB: 64))
            let starts = AsyncStream<WorkerStart>.makeStream()
            let pool = ScriptPool {
                limits.withLock { $0 }
            } start: { (limits) throws(ScriptStartError) in
                try await fixture.started(limits)
            } hasStarted: {
                starts.continuation.yield($0)
            }
            var told = starts.stream.makeAsyncIterator()
            #expect(await pool.status.lastStart == nil)
            await pool.warmUp()
            #expect(await told.next()?.missingWalls == [])
            let first = await pool.status
            #expect(first.workerPIDs.count == 1 && first.lastStart?.nodeVersion?.hasPrefix("v") == true)
            // Nothing is known of another Node before it was started, and nothing runs in the one before.
            limits.withLock { $0.node = "/nonexistent/node" }
            #expect(await pool.status.lastStart == nil)
            await pool.warmUp()
            let refusal = try #require(await told.next())
            #expect(refusal.problem?.hasPrefix("/nonexistent/node is not there; ") == true, "\(refusal)")
            #expect(refusal.nodeVersion == nil && refusal.missingWalls == nil)
            let status = await pool.status
            #expect(status.lastStart == refusal && status.workerPIDs.isEmpty && status.workerCount == 0)
            limits.withLock { $0.node = ScriptPrograms.node }
            await pool.warmUp()
            #expect(await told.next()?.problem == nil)
            #expect(await pool.status.lastStart == first.lastStart)
            await pool.close()
        }
    }

    @Test("Node is asked about itself once, and again when its file is another one")
    func asking() async throws {
        try await ScriptFixture.with("process.exit(5)") { fixture in
            let path = fixture.directory.path
            func node(_ comment: String) throws -> String {
                let text = "#!/bin/sh\n# \(comment)\necho asked >> \(path)/asked\nexec \(ScriptPrograms.node) \"$@\"\n"
                return try fixture.write(text, to: "node", mode: 0o755)
            }
            for (comment, askedCount) in [("one", 1), ("the other", 2)] {
                let program = try node(comment)
                for _ in 0..<2 {
                    let end = try await fixture.start(node: program).end()
                    #expect(end.reason == .exited(5))
                    let lines = try HostFile.text(at: "\(path)/asked").split(separator: "\n")
                    #expect(lines.count == askedCount)
                }
            }
        }
    }
}
