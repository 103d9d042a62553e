// What is kept of a placement, so that an administrator can see why it went as it did.
import Directory
package import JSON
package import Replica

/// One placement: who asked for what, each run of the chain, and what came of it.
package struct PlacementTrace: Sendable {
    /// One run of the chain, or the default rule where there is no chain.
    package struct Run: Sendable {
        /// The members that were chosen among, and those that were left out.
        let candidates: Candidates
        /// Empty where no script was asked.
        let calls: [TracedCall]
        /// What came of it, after the server was asked: by the default rule the one that took the request.
        package var result: Result<ServerID, PlacementFailure>

        /// What a run of a chain has come to.
        package init(_ run: ChainRun, _ result: Result<ServerID, PlacementFailure>) {
            self.init(run.candidates, run.calls, result: result)
        }

        /// What the default rule has come to.
        package init(
            _ candidates: Candidates, _ calls: [TracedCall] = [], result: Result<ServerID, PlacementFailure>
        ) {
            self.candidates = candidates
            self.calls = calls
            self.result = result
        }
    }

    /// The server id of the member that placed, a dash and 16 hexadecimal digits: other members know whom to ask for it.
    package let id: String
    /// When it was asked for.
    package let time: WallTime
    package let purpose: Purpose
    /// The name that the user gave, or was known by.
    package let user: String
    /// The scripts' names; empty: the default rule.
    package let chain: [String]
    /// The first run, and those after a chosen server turned out not to be reached.
    package var runs: [Run] = []

    package init(id: String, time: WallTime, purpose: Purpose, user: String, chain: [String]) {
        self.id = id
        self.time = time
        self.purpose = purpose
        self.user = user
        self.chain = chain
    }

    /// Server ids that are kept of one list, and members left out that are kept of one run.
    static let idCountMax = 100

    /// As JSON; `docs/placement.md` explains the members.
    package var document: JSONValue {
        var fields: [String: JSONValue] = [
            "id": .string(id), "time": .string(time.text), "action": .string(purpose.rawValue), "user": .string(user),
            "chain": .array(chain.map { .string($0) }), "runs": .array(runs.map(\.document)),
        ]
        switch runs.last?.result {
        case .success(let server)?: fields["server"] = .string(server.text)
        case .failure(let failure)?:
            fields["error"] = .string(failure.message)
            fields["detail"] = .string(failure.detail)
        case nil: break
        }
        return .object(fields)
    }
}

extension PlacementTrace.Run {
    fileprivate var document: JSONValue {
        let left = candidates.excluded.sorted { $0.key < $1.key }
        var fields: [String: JSONValue] = [
            "candidates": ids(Array(candidates.servers.indices)),
            "leftOut": .object(
                Dictionary(
                    uniqueKeysWithValues: left.prefix(PlacementTrace.idCountMax).map {
                        ($0.key.text, .string($0.value.description))
                    })),
            "leftOutCount": .integer(Int64(left.count)), "calls": .array(calls.map(document)),
        ]
        switch result {
        case .success(let server): fields["server"] = .string(server.text)
        case .failure(let failure): fields["detail"] = .string(failure.detail)
        }
        return .object(fields)
    }

    /// The first ids of a list, and how many there are.
    private func ids(_ numbers: [Int]) -> JSONValue {
        [
            "count": .integer(Int64(numbers.count)),
            "first": .array(
                numbers.prefix(PlacementTrace.idCountMax).map { .string(candidates.servers[$0].serverID.text) }),
        ]
    }

    private func document(_ traced: TracedCall) -> JSONValue {
        var fields: [String: JSONValue] = [
            "script": .string(traced.script), "given": ids(traced.given),
            "milliseconds": .number((traced.call.milliseconds * 1_000).rounded() / 1_000),
            "answer": .string(answer(traced)), "console": .array(traced.call.console.map { .string($0) }),
        ]
        if let byteCount = traced.call.heapByteCount { fields["heapBytes"] = .integer(Int64(byteCount)) }
        if let returned = traced.returned { fields["returned"] = ids(returned) }
        if case .list(_, let changedCount) = traced.call.outcome {
            fields["changedCount"] = .integer(Int64(changedCount))
        }
        if case .threw(let error) = traced.call.outcome { fields["error"] = error.document }
        if let failure = traced.failure { fields["detail"] = .string(failure.detail) }
        return .object(fields)
    }

    /// What a function answered, in a few words.
    private func answer(_ traced: TracedCall) -> String {
        switch traced.call.outcome {
        case .server(let text): "\"\(text)\""
        case .list(let numbers, _): "a list of \(numbers.count)"
        case .next: "nothing"
        case .wrong(let what): what
        case .wrongElement(let index, let what): "a list whose element \(index) is \(what)"
        case .threw: "an error"
        case .unanswered: "no answer"
        }
    }
}

extension ScriptError {
    /// As JSON: `message`, and what is known of `class`, `line`, `column` and `stack`.
    package var document: JSONValue {
        var fields: [String: JSONValue] = ["message": .string(message)]
        if let className { fields["class"] = .string(className) }
        if let line { fields["line"] = .integer(Int64(line)) }
        if let column { fields["column"] = .integer(Int64(column)) }
        if let stack { fields["stack"] = .string(stack) }
        return .object(fields)
    }
}

extension PlacementTrace {
    /// The members of a trace that its user is shown: which scripts were asked and what each answered.
    private static let shownMembers = ["id", "time", "action", "user", "chain", "server", "error"]

    /// The part of a trace that its user is shown.
    package static func shown(_ document: JSONValue) -> JSONValue {
        var shown: [String: JSONValue] = [:]
        for name in shownMembers { shown[name] = document[name] }
        if case .array(let runs)? = document["runs"] { shown["runs"] = .array(runs.map(shownRun)) }
        return .object(shown)
    }

    private static func shownRun(_ run: JSONValue) -> JSONValue {
        guard case .array(let calls)? = run["calls"] else { return ["calls": []] }
        return [
            "calls": .array(
                calls.map { ["script": $0["script"] ?? .null, "answer": $0["answer"] ?? .null] })
        ]
    }
}
