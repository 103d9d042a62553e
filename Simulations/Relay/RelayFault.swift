// The kinds of fault that a simulation of the relay injects, each with what it does.

/// One kind of fault.
package enum RelayFault: String, CaseIterable, Sendable, Codable {
    // Processes
    case restart, drain, stop, memberRestart, memberStop
    // The network
    case cut, cutAll, silentCut, oneWay, delay
    // Requests of members
    case twice, lost, blocked
    // Members that do what they may not
    case foreignNonce, usedNonce

    /// What happens, for people.
    package var meaning: String {
        switch self {
        case .restart: "the external member is killed, and a new process of it begins within 8 s"
        case .drain: "the external member says that it stops, and is started again"
        case .stop: "the external member's process is stopped for up to 40 s and goes on as if nothing had been"
        case .memberRestart: "a member's process is killed, and started again within 8 s"
        case .memberStop: "a member's process is stopped for up to 40 s"
        case .cut: "some connections of a member are torn, at any byte, and either end learns it when it does"
        case .cutAll: "the links of all members are torn at once"
        case .silentCut: "all connections of a member are dead and nobody is told"
        case .oneWay: "nothing passes in one direction between a member and the external one for up to 40 s"
        case .delay: "everything in one direction takes up to 1.5 s longer"
        case .twice: "requests of a member arrive twice"
        case .lost: "requests of a member are lost, or their answers are"
        case .blocked: "something in between begins to let no WebSocket of a member through, or lets them through again"
        case .foreignNonce: "a member shows a nonce that another one was given"
        case .usedNonce: "a member shows a nonce that it has used, or one that nobody was given"
        }
    }

    /// How often a kind of fault is tried in a run.
    var timesPerRun: ClosedRange<Double> {
        switch self {
        case .restart, .drain, .stop, .cutAll: 1...3
        case .memberRestart, .memberStop, .silentCut, .oneWay, .blocked, .foreignNonce, .usedNonce: 2...6
        case .cut, .delay, .twice, .lost: 4...12
        }
    }
}
