// The life of a session as a value: what happens goes in, what is to be done comes out.
//
// It does no I/O and reads no clock: the shell around it (`SessionSupervisor`) owns the processes and the time.
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
// - The command starts once, and only when the display is ready and the window manager has had its time: a window that
//   is there before the window manager does not get the keyboard.
// - The first reason stands: a session whose display died has failed, also if its command ends without a fault
//   afterwards; one that was terminated has not failed because its programs had to be killed.
// - Every phase that waits for somebody has a limit, so that a session ends also where a process cannot be killed,
//   because it waits for a file server that does not answer. Only `running` has none once the command has started: a
//   session may last for months.
// - The last record is written before the supervisor leaves, so that whoever reads it later knows how the session
//   ended.
package import Engines
package import OperatingSystem

/// Starts the display, then the command, and ends everything in order, whatever ends first.
package struct SupervisorEngine: Engine {
    /// How long each step may take.
    package struct Limits: Sendable {
        /// A display on a loaded host takes some seconds.
        var displayStart: Duration = .seconds(30)
        /// For a window manager to take the display over; the command starts without it then.
        var managerStart: Duration = .seconds(3)
        /// For programs to save their work after SIGTERM.
        var clientsGrace: Duration = .seconds(5)
        /// For Xvnc to remove its files.
        var displayGrace: Duration = .seconds(3)
        /// For the kernel to end what was killed; a process that waits for a dead file server never ends.
        var killed: Duration = .seconds(10)

        /// The limits of every session.
        package init() {}
    }

    /// How far the session is.
    package enum Phase: Hashable, Sendable {
        /// The display does not take clients yet.
        case startingDisplay
        /// The display takes clients; the command starts once the window manager has had its time.
        case running
        /// Programs were asked to end, and the display still serves them.
        case endingClients
        /// The display was asked to end.
        case endingDisplay
        /// All that is left was killed, and may not have ended yet.
        case killing
        /// The last record is written.
        case over
    }

    /// What the shell around the engine has to do, in order.
    package enum Effect: Hashable, Sendable {
        /// Answered by `displayIsReady` or `startFailed`.
        case startDisplay
        /// Start the window manager where one is needed. Answered by `managerStarted` or `startFailed`.
        case startManager(display: String)
        /// Answered by `startFailed` if it cannot be.
        case startCommand
        /// SIGTERM to everything but the display.
        case terminateClients
        /// SIGKILL to everything but the display.
        case killClients
        /// SIGTERM to the display.
        case terminateDisplay
        /// SIGKILL to all processes of the session.
        case killAll
        /// Write it to the session's directory, in place of the one before.
        case record(SupervisorRecord)
        /// Write a line to the session's log.
        case note(String)
        /// Nothing is left to do.
        case leave
    }

    /// How far the session is.
    package private(set) var phase = Phase.startingDisplay
    /// When `tick` has to be called: the end of the time that the present phase may take.
    package private(set) var nextDeadline: Duration?
    private let limits: Limits
    private var effects: [Effect] = []
    private var outcome = SupervisorRecord.starting
    private var hasDisplay = false
    private var isCommandStarted = false
    private var displayLines = LastLines()

    /// Nothing happens before `start`.
    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Hands over the effects since they were taken last.
    package mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    /// Begins the session.
    package mutating func start(at now: Duration) {
        hasDisplay = true
        nextDeadline = now + limits.displayStart
        effects += [.record(outcome), .startDisplay]
    }

    /// The display takes clients.
    package mutating func displayIsReady(_ display: String) {
        guard phase == .startingDisplay else { return }
        phase = .running
        nextDeadline = nil
        outcome.state = .running
        outcome.display = display
        effects += [.note("display \(display) is ready"), .startManager(display: display)]
    }

    /// The window manager is on its way, or none is needed.
    ///
    /// - Parameter isAwaited: Whether it tells when it is there (`managerIsReady`).
    package mutating func managerStarted(isAwaited: Bool, at now: Duration) {
        guard phase == .running else { return }
        if isAwaited { nextDeadline = now + limits.managerStart } else { startCommand() }
        effects.append(.record(outcome))
    }

    /// The window manager manages windows.
    package mutating func managerIsReady() {
        if phase == .running { startCommand() }
    }

    private mutating func startCommand() {
        guard !isCommandStarted else { return }
        isCommandStarted = true
        nextDeadline = nil
        effects.append(.startCommand)
    }

    /// Something could not be started at all.
    package mutating func startFailed(_ reason: String, at now: Duration) {
        guard phase == .startingDisplay || phase == .running else { return }
        outcome.state = .failed
        outcome.reason = reason
        effects.append(.note(reason))
        endClients(at: now)
    }

    /// The display has said something, which may be the reason why it ends.
    package mutating func displayPrinted(_ bytes: [UInt8]) { displayLines.append(bytes) }

    /// The display's process is gone.
    package mutating func displayEnded(_ status: ExitStatus, at now: Duration) {
        hasDisplay = false
        switch phase {
        case .startingDisplay: startFailed(text("Xvnc did not start", status), at: now)
        case .running: startFailed(text("Xvnc ended before the session's command", status), at: now)
        case .endingDisplay: killAll(at: now)
        case .endingClients, .killing, .over: break
        }
    }

    /// The command's process is gone; what it has started may be there.
    package mutating func commandEnded(_ status: ExitStatus, at now: Duration) {
        outcome.exitStatus = status.shellCode
        guard phase == .running else { return }
        outcome.state = .ended
        effects.append(.note("the command \(status.words)"))
        endClients(at: now)
    }

    /// Somebody wants the session to end.
    package mutating func terminationAsked(at now: Duration) {
        guard phase == .startingDisplay || phase == .running else { return }
        outcome.state = .ended
        effects.append(.note("the session is terminated"))
        endClients(at: now)
    }

    /// Nothing but the display is left, at most.
    package mutating func clientsAreGone(at now: Duration) {
        if phase == .endingClients { endDisplay(at: now) }
    }

    /// Not even the display is left.
    package mutating func allAreGone() {
        guard phase == .endingClients || phase == .endingDisplay || phase == .killing else { return }
        leave()
    }

    /// Goes on without whoever has had his time.
    package mutating func tick(at now: Duration) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        nextDeadline = nil
        switch phase {
        case .startingDisplay:
            startFailed("Xvnc was not ready within \(limits.displayStart).\(shownLines)", at: now)
        case .running: startCommand()
        case .endingClients:
            effects += [.note("programs that did not end are killed"), .killClients]
            endDisplay(at: now)
        case .endingDisplay: killAll(at: now)
        case .killing:
            effects.append(.note("some processes could not be killed; the session ends without them"))
            leave()
        case .over: break
        }
    }

    private mutating func endClients(at now: Duration) {
        phase = .endingClients
        nextDeadline = now + limits.clientsGrace
        effects.append(.terminateClients)
    }

    private mutating func endDisplay(at now: Duration) {
        guard hasDisplay else { return killAll(at: now) }
        phase = .endingDisplay
        nextDeadline = now + limits.displayGrace
        effects.append(.terminateDisplay)
    }

    private mutating func killAll(at now: Duration) {
        phase = .killing
        nextDeadline = now + limits.killed
        effects.append(.killAll)
    }

    /// The wall's time of the end is the shell's to add: this value reads no clock.
    private mutating func leave() {
        phase = .over
        nextDeadline = nil
        effects += [.record(outcome), .leave]
    }

    private func text(_ what: String, _ status: ExitStatus) -> String {
        "\(what): it \(status.words).\(shownLines)"
    }

    private var shownLines: String {
        let lines = displayLines.text
        return lines.isEmpty ? "" : " Its last lines: \(lines)"
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
