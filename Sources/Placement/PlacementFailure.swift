// Why a placement ended without a server.
package import Replica

/// Why no server was chosen.
package enum PlacementFailure: Error, Sendable, Equatable {
    /// A script threw an error: that is its way to refuse, and its message is for the user.
    case refused(script: String, ScriptError)
    /// A script gave a text that names no candidate.
    case noCandidate(script: String, answer: String, why: String)
    /// A script gave something that is no answer.
    case wrongAnswer(script: String, what: String)
    /// The list of a script has an element that is no candidate.
    case wrongElement(script: String, index: Int, what: String)
    /// A script's process ended before it answered.
    case unanswered(script: String, ScriptFailure)
    /// The chain came to its end, with so many servers left.
    case undecided(leftCount: Int)
    /// The chain names a script that is nowhere.
    case unknownScript(String)
    /// No member takes what is to be placed.
    case noCandidates(Purpose)
    /// Scripts cannot run here; why, and what to do.
    case noScripts(String)
    /// So many placements wait already that this one was not begun.
    case busy
    /// The agent stops before a server was chosen.
    case stopping
    /// The server that was chosen cannot be reached, and no other was chosen in its place.
    case unreachable(ServerID, name: String)

    /// What the user is told.
    package var message: String {
        switch self {
        case .refused(_, let error): error.message
        case .noCandidates(.login): "no member that can be reached takes logins just now"
        case .noCandidates(.session): "no member that can be reached starts sessions just now"
        case .undecided: "no script chose a server"
        case .busy: "too many requests wait for a server just now; try again in a moment"
        case .stopping: "the agent is stopping; try again in a moment"
        case .unreachable(_, let name): "\(name) cannot be reached from here at the moment; try again"
        case .unanswered(let script, .tooSlow(let limit)):
            "the script \"\(script)\", which chooses the server, did not answer within \(limit) ms; tell the administrator"
        case .noCandidate(let script, _, _), .wrongAnswer(let script, _), .wrongElement(let script, _, _),
            .unanswered(let script, _), .unknownScript(let script):
            "the script \"\(script)\", which chooses the server, failed; tell the administrator"
        case .noScripts: "the scripts that choose the server cannot run here; tell the administrator"
        }
    }

    /// What an administrator is told besides: script, place and cause.
    package var detail: String {
        switch self {
        case .refused(let script, let error): "\"\(script)\" refused: \(error.message)\(error.place)"
        case .noCandidate(let script, let answer, let why):
            "\"\(script)\" chose \"\(answer)\", which is no candidate: \(why)"
        case .wrongAnswer(let script, let what):
            "\"\(script)\" returned \(what); a server id, a list of servers or nothing is expected"
        case .wrongElement(let script, let index, let what):
            "\"\(script)\" returned a list whose element \(index) is \(what); candidates or their server ids are expected"
        case .unanswered(let script, .tooSlow(let limit)):
            "\"\(script)\" was ended because it took longer than the \(limit) ms allowed"
        case .unanswered(let script, .tooLarge(let limit)):
            "\"\(script)\" was ended for lack of memory; scripts may use \(limit) MiB"
        case .unanswered(let script, .leftScope):
            "\"\(script)\" made a function outside of its own scope; its answer does not count, and its process was ended"
        case .unanswered(let script, .crashed(let how)): "\"\(script)\" did not answer: \(how)"
        case .undecided(let count): "the chain came to its end without a server id, with \(count) servers left"
        case .unknownScript(let script): "the chain names the script \"\(script)\", which there is not"
        case .noScripts(let why): why
        case .noCandidates, .busy, .stopping: message
        case .unreachable(let server, let name): "\(name) (\(server)) was chosen and cannot be reached from here"
        }
    }
}
