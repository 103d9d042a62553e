// The chain of scripts as a value: which function is asked next, and what its answer means.
package import Replica

/// One run of a chain. A function answers with a server id, which ends the run; with a list, which the next one is asked
/// with; with nothing, and the next one is asked with the same list; or with an error, which ends the run as well.
///
/// The list itself is where the functions run; here are the numbers of its elements among the candidates.
package struct ChainRun: Sendable {
    /// What has to be done next.
    package enum Step: Sendable, Equatable {
        /// The function of this name is to be asked.
        case ask(String)
        /// The run is over: with this server.
        case chose(ServerID)
        /// The run is over without one.
        case failed(PlacementFailure)
    }

    /// Whom the run began with; a text that a function answers with is judged by these, whatever was filtered since.
    package let candidates: Candidates
    /// What has to be done next.
    package private(set) var step: Step
    /// What has been done.
    package private(set) var calls: [TracedCall] = []
    private var rest: ArraySlice<String>
    private var list: [Int]

    /// - Parameter chain: Names of scripts, in the order in which they are asked.
    package init(_ chain: [String], _ candidates: Candidates) {
        self.candidates = candidates
        rest = chain[...]
        list = Array(candidates.servers.indices)
        step = .failed(.undecided(leftCount: list.count))
        goOn()
    }

    /// Takes what came of asking.
    package mutating func take(_ call: ScriptCall) {
        guard case .ask(let script) = step else { return }
        let before = list
        let failure = judge(call.outcome, of: script)
        if let failure { step = .failed(failure) }
        calls.append(
            TracedCall(
                script: script, call: call, given: before, returned: returned(by: call.outcome),
                failure: failure))
        if case .ask = step { goOn() }
    }

    /// The chain names a script that is nowhere.
    package mutating func takeUnknown() {
        if case .ask(let script) = step { step = .failed(.unknownScript(script)) }
    }

    /// Nothing can be asked here, or not just now.
    package mutating func give(up failure: PlacementFailure) {
        if case .ask = step { step = .failed(failure) }
    }

    private mutating func goOn() {
        guard let script = rest.popFirst() else {
            step = .failed(.undecided(leftCount: list.count))
            return
        }
        step = .ask(script)
    }

    /// The failure that an answer is; nil where the run goes on, or has its server.
    private mutating func judge(_ outcome: ScriptOutcome, of script: String) -> PlacementFailure? {
        switch outcome {
        case .server(let answer):
            if let why = candidates.mistake(in: answer) {
                return .noCandidate(script: script, answer: answer, why: why)
            }
            if let id = ServerID(answer) { step = .chose(id) }
            return nil
        case .list(let numbers, _):
            // What runs scripts is no more to be trusted than they are.
            if let index = numbers.firstIndex(where: { !candidates.servers.indices.contains($0) }) {
                return .wrongElement(script: script, index: index, what: "no candidate")
            }
            list = numbers
            return nil
        case .next: return nil
        case .wrong(let what): return .wrongAnswer(script: script, what: what)
        case .wrongElement(let index, let what): return .wrongElement(script: script, index: index, what: what)
        case .threw(let error): return .refused(script: script, error)
        case .unanswered(let end): return .unanswered(script: script, end)
        }
    }

    private func returned(by outcome: ScriptOutcome) -> [Int]? {
        if case .list = outcome { list } else { nil }
    }
}

/// One call of a run, as the trace has it.
package struct TracedCall: Sendable, Equatable {
    /// The script's name.
    package let script: String
    package let call: ScriptCall
    /// Numbers of the candidates that it was asked with.
    package let given: [Int]
    /// Numbers of the candidates that it returned; nil where it returned no list.
    package let returned: [Int]?
    /// What was wrong with the answer, or the error that it is.
    package let failure: PlacementFailure?
}
