// The life of a session as a value: what happens goes in, what is to be done comes out.
//
// It does no I/O and reads no clock: the shell around it (`SessionSupervisor`) owns the processes and one timer, which
// the engine sets and which is the only way in which time comes in.
//
// A session is a *display* (Xvnc) and its *clients*: a window manager where one is needed, the command, and all that
// these have started. It goes through the phases in one direction:
//
//     startingDisplay → running → endingClients → endingDisplay → killing → over
//
// Some may be passed over, none comes again. Whatever ends first (the command, the display, or somebody's patience)
// leads into `endingClients`. Programs are asked before they are killed, and the display goes last, so that they can
// save what they have while they still have a screen.
//
// What must hold:
//
// - The command starts once, and only when the display is ready.
// - The first reason stands: a session whose display died has failed, also if its command ends without a fault
//   afterwards; one that was terminated has not failed because its programs had to be killed.
// - Every phase that waits for somebody has a limit, so that a session ends also where a process cannot be killed,
//   because it waits for a file server that does not answer. Only `running` has none: a session may last for months.
// - The last record is written before the supervisor leaves, so that whoever reads it later knows how the session
//   ended.
package import OperatingSystem

/// Starts the display, then the command, and ends everything in order, whatever ends first.
package struct SupervisorEngine {
    /// How long each step may take.
    package struct Limits: Sendable {
        /// A display on a loaded host takes some seconds.
        var displayStart: Duration = .seconds(30)
        /// For programs to save their work after SIGTERM.
        var clientsGrace: Duration = .seconds(5)
        /// For Xvnc to remove its files.
        var displayGrace: Duration = .seconds(3)
        /// For the kernel to end what was killed; a process that waits for a dead file server never ends.
        var killed: Duration = .seconds(10)
    }

    package enum Phase: Hashable, Sendable {
        case startingDisplay, running, endingClients, endingDisplay, killing, over
    }

    /// What the shell around the engine has to do, in order.
    package enum Effect: Hashable, Sendable {
        case startDisplay
        /// The window manager and the command.
        case startClients(display: String)
        /// SIGTERM to everything but the display.
        case terminateClients
        /// SIGKILL to everything but the display.
        case killClients
        case terminateDisplay
        case killAll
        /// Call `timeOut` after so long, unless another timer is set before; `nil` for no timer.
        case setTimer(Duration?)
        case record(SupervisorRecord)
        case note(String)
        /// Nothing is left to do.
        case leave
    }

    package private(set) var phase = Phase.startingDisplay
    private let limits: Limits
    private var outcome = SupervisorRecord.starting
    private var hasDisplay = false

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    package mutating func start() -> [Effect] {
        hasDisplay = true
        return [.record(outcome), .setTimer(limits.displayStart), .startDisplay]
    }

    package mutating func displayIsReady(_ display: String) -> [Effect] {
        guard phase == .startingDisplay else { return [] }
        phase = .running
        outcome.state = .running
        outcome.display = display
        return [
            .note("display \(display) is ready"), .setTimer(nil), .startClients(display: display), .record(outcome),
        ]
    }

    /// Something could not be started at all.
    package mutating func startFailed(_ reason: String) -> [Effect] {
        guard phase == .startingDisplay || phase == .running else { return [] }
        outcome.state = .failed
        outcome.reason = reason
        return [.note(reason)] + endClients()
    }

    package mutating func displayEnded(_ status: ExitStatus, lastLines: String) -> [Effect] {
        hasDisplay = false
        switch phase {
        case .startingDisplay: return startFailed(Self.text("Xvnc did not start", status, lastLines))
        case .running: return startFailed(Self.text("Xvnc ended before the session's command", status, lastLines))
        case .endingDisplay: return killAll()
        case .endingClients, .killing, .over: return []
        }
    }

    package mutating func commandEnded(_ status: ExitStatus) -> [Effect] {
        outcome.exitStatus = status.shellCode
        guard phase == .running else { return [] }
        outcome.state = .ended
        return [.note("the command \(status.words)")] + endClients()
    }

    /// Somebody wants the session to end.
    package mutating func terminationAsked() -> [Effect] {
        guard phase == .startingDisplay || phase == .running else { return [] }
        outcome.state = .ended
        return [.note("the session is terminated")] + endClients()
    }

    /// Nothing but the display is left, at most.
    package mutating func clientsAreGone() -> [Effect] {
        phase == .endingClients ? endDisplay() : []
    }

    /// Not even the display is left.
    package mutating func allAreGone() -> [Effect] {
        guard phase == .endingClients || phase == .endingDisplay || phase == .killing else { return [] }
        return leave()
    }

    /// - Parameter lastLines: Of the display's output.
    package mutating func timeOut(lastLines: String) -> [Effect] {
        switch phase {
        case .startingDisplay:
            return startFailed("Xvnc was not ready within \(limits.displayStart).\(Self.shown(lastLines))")
        case .running, .over: return []
        case .endingClients: return [.note("programs that did not end are killed"), .killClients] + endDisplay()
        case .endingDisplay: return killAll()
        case .killing: return [.note("some processes could not be killed; the session ends without them")] + leave()
        }
    }

    private mutating func endClients() -> [Effect] {
        phase = .endingClients
        return [.setTimer(limits.clientsGrace), .terminateClients]
    }

    private mutating func endDisplay() -> [Effect] {
        guard hasDisplay else { return killAll() }
        phase = .endingDisplay
        return [.setTimer(limits.displayGrace), .terminateDisplay]
    }

    private mutating func killAll() -> [Effect] {
        phase = .killing
        return [.setTimer(limits.killed), .killAll]
    }

    /// The time of the end is the shell's to add: this value reads no clock.
    private mutating func leave() -> [Effect] {
        phase = .over
        return [.setTimer(nil), .record(outcome), .leave]
    }

    private static func text(_ what: String, _ status: ExitStatus, _ lastLines: String) -> String {
        "\(what): it \(status.words).\(shown(lastLines))"
    }

    private static func shown(_ lastLines: String) -> String {
        lastLines.isEmpty ? "" : " Its last lines: \(lastLines)"
    }
}

extension ExitStatus {
    /// Such as "ended with status 1".
    var words: String {
        switch self {
        case .exited(let code): "ended with status \(code)"
        case .signalled(let signal): "was ended by signal \(signal)"
        }
    }
}
