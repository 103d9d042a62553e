// The chain: what each answer of a function leads to.
import Directory
import JSON
import Placement
import Replica
import TestSupport
import Testing

@Suite("A run of the chain")
struct ChainRunTests {
    private func run(_ chain: [String], _ ids: ServerID...) throws -> ChainRun {
        ChainRun(chain, candidates(try ids.map { try server($0) }))
    }

    private func call(_ outcome: ScriptOutcome) -> ScriptCall { ScriptCall(outcome, milliseconds: 1) }

    @Test("A server id ends the run with that server, also after it was filtered out")
    func serverID() throws {
        var run = try run(["filter", "choose", "never"], "a", "b")
        #expect(run.step == .ask("filter"))
        run.take(call(.list([1], changedCount: 0)))
        #expect(run.step == .ask("choose"))
        run.take(call(.server("a")))
        #expect(run.step == .chose("a"))
        #expect(run.calls.map(\.script) == ["filter", "choose"])
        #expect(run.calls.map(\.given) == [[0, 1], [1]])
        #expect(run.calls.map(\.returned) == [[1], nil])
    }

    @Test("Nothing leaves the list as it was; the end of the chain is an error that counts what is left")
    func end() throws {
        var run = try run(["one", "two"], "a", "b", "c")
        run.take(call(.list([2, 0], changedCount: 1)))
        run.take(call(.next))
        #expect(run.calls[1].given == [2, 0])
        #expect(run.step == .failed(.undecided(leftCount: 2)))
        #expect(run.calls.allSatisfy { $0.failure == nil })
    }

    @Test("An empty list is an answer: the next function is asked with none")
    func empty() throws {
        var run = try run(["one", "two"], "a")
        run.take(call(.list([], changedCount: 0)))
        #expect(run.step == .ask("two"))
        run.take(call(.next))
        #expect(run.step == .failed(.undecided(leftCount: 0)))
    }

    static let failures: [(ScriptOutcome, PlacementFailure)] = [
        (.server("x"), .noCandidate(script: "s", answer: "x", why: "no member of that server id is known")),
        (.wrong("the number 3"), .wrongAnswer(script: "s", what: "the number 3")),
        (.wrongElement(index: 2, what: "null"), .wrongElement(script: "s", index: 2, what: "null")),
        (.list([0, 1], changedCount: 0), .wrongElement(script: "s", index: 1, what: "no candidate")),
        (.list([-1], changedCount: 0), .wrongElement(script: "s", index: 0, what: "no candidate")),
        (.threw(ScriptError(message: "full", line: 3)), .refused(script: "s", ScriptError(message: "full", line: 3))),
        (.unanswered(.tooSlow(limitMilliseconds: 5)), .unanswered(script: "s", .tooSlow(limitMilliseconds: 5))),
    ]

    @Test("Any other answer ends the run, and the call tells why", arguments: failures)
    func failure(_ outcome: ScriptOutcome, _ failure: PlacementFailure) throws {
        var run = try run(["s", "never"], "a")
        run.take(call(outcome))
        #expect(run.step == .failed(failure))
        #expect(run.calls.map(\.failure) == [failure])
        run.take(call(.server("a")))
        #expect(run.calls.count == 1)
    }

    @Test("A script that is nowhere, and one that cannot be asked, end the run without a call")
    func missing() throws {
        var unknown = try run(["s"], "a")
        unknown.takeUnknown()
        #expect(unknown.step == .failed(.unknownScript("s")))
        var busy = try run(["s"], "a")
        busy.give(up: .busy)
        #expect(busy.step == .failed(.busy))
        #expect(unknown.calls.isEmpty && busy.calls.isEmpty)
    }

    @Test("The user is shown the message of a script's error alone, an administrator the place too")
    func messages() {
        let error = ScriptError(message: "All GPU servers are in use", className: "Error", line: 4, column: 9)
        let refused = PlacementFailure.refused(script: "Needs GPU", error)
        #expect(refused.message == "All GPU servers are in use")
        #expect(refused.detail == "\"Needs GPU\" refused: All GPU servers are in use (Error, line 4, column 9)")
        let slow = PlacementFailure.unanswered(script: "Slow", .tooSlow(limitMilliseconds: 200))
        #expect(slow.message.contains("\"Slow\"") && slow.message.contains("200 ms"))
    }
}

@Suite("The trace of a placement")
struct PlacementTraceTests {
    @Test("It has what went into each function and what came out, and why others were left out")
    func document() throws {
        let found = candidates([try server("a"), try server("b"), try server("c", ["draining": true])])
        var run = ChainRun(["filter", "choose"], found)
        run.take(ScriptCall(.list([1], changedCount: 1), milliseconds: 0.5, heapByteCount: 9, console: ["hello"]))
        run.take(ScriptCall(.threw(ScriptError(message: "no", line: 2)), milliseconds: 1))
        var trace = PlacementTrace(
            id: "local-1", time: WallTime(milliseconds: 0), purpose: .session, user: "anna",
            chain: ["filter", "choose"])
        trace.runs = [.init(run, .failure(.refused(script: "choose", ScriptError(message: "no", line: 2))))]
        let document = trace.document
        #expect(document.text("error") == "no")
        #expect(document.text("action") == "session/start")
        guard case .array(let runs)? = document["runs"], case .array(let calls)? = runs.first?["calls"] else {
            Issue.record("no calls")
            return
        }
        #expect(runs[0]["leftOut"] == ["c": "is being emptied"])
        #expect(runs[0]["candidates"] == ["count": 2, "first": ["a", "b"]])
        #expect(calls[0]["returned"] == ["count": 1, "first": ["b"]])
        #expect(calls[0]["console"] == ["hello"])
        #expect(calls[0]["changedCount"] == 1)
        #expect(calls[1]["given"] == ["count": 1, "first": ["b"]])
        #expect(calls[1]["error"] == ["message": "no", "line": 2])
    }

    @Test("Of a long list the first hundred ids are kept, and how many there are")
    func long() throws {
        let servers = try (1000..<1250).map { try server(try #require(ServerID("s\($0)"))) }
        var trace = PlacementTrace(
            id: "local-1", time: WallTime(milliseconds: 0), purpose: .session, user: "anna", chain: [])
        trace.runs = [.init(candidates(servers), result: .success("s1000"))]
        guard case .array(let runs)? = trace.document["runs"], case .array(let ids)? = runs[0]["candidates"]?["first"]
        else {
            Issue.record("no ids")
            return
        }
        #expect(ids.count == 100)
        #expect(runs[0]["candidates"]?.integer("count") == 250)
        #expect(trace.document.text("server") == "s1000")
    }
}
