// The process that owns a session: performs what the engine says, on one thread, around one `poll`.
import Engines
import Glibc
import OperatingSystem

/// Parent of a session's display and, as the kernel's subreaper, of everything that was started in the session.
///
/// It depends on neither the steward nor the agent, which both may end and come back.
struct SessionSupervisor: ~Copyable {
    /// By these a session is told to end.
    static let endingSignals: [CInt] = [SIGTERM, SIGINT]

    private let plan: SessionPlan
    private let directory: SessionDirectory
    private let user: UnixUser
    private let base: [String: String]
    private let authority = XAuthority()
    private let signals: OwnedDescriptor
    private var log: SessionLog
    private var driver = Driver(SupervisorEngine(), timer: PollTimer())
    private let start = ContinuousClock.now
    private var pipes: [OutputPipe] = []
    private var display: pid_t?
    private var command: pid_t?
    private var isOver = false
    /// What clients are started with, until the command is.
    private var terms: ClientTerms?

    private struct ClientTerms {
        let environment: [String: String]
        let output: OwnedDescriptor
    }

    /// There is nothing to set: each `poll` is told the time of the next tick.
    private struct PollTimer: EngineTimer {
        func set(_ deadline: Duration?) {}
    }

    /// A pipe that is read until its end.
    private struct OutputPipe {
        enum Source { case ready, display, clients, manager }

        let source: Source
        let descriptor: OwnedDescriptor
    }

    init(plan: SessionPlan, directory: SessionDirectory) throws(SystemError) {
        try Kernel.becomeSubreaper()
        let user = try UnixUser.current()
        let signals = try SignalPipe.open([SIGCHLD] + Self.endingSignals)
        log = try SessionLog(directory)
        self.plan = plan
        self.directory = directory
        self.user = user
        self.signals = signals
        base = SessionEnvironment.base(user: user, from: ProcessEnvironment.current())
    }

    /// Returns when the session is over and nothing of it is left.
    mutating func run() throws(SystemError) {
        driver.engine.start(at: now)
        perform()
        while !isOver {
            try pollOnce()
            if let due = driver.due, due <= now { driver.tick(at: now) }
            perform()
        }
        // What was printed last is still in the pipes.
        for pipe in pipes { try drain(pipe) }
        removeLeftovers()
    }

    private var now: Duration { ContinuousClock.now - start }

    private func removeLeftovers() {
        unsafe unlink(directory.authorityFile)
        unsafe unlink(directory.managerFile)
        unsafe unlink(plan.displaySocket)
        unsafe unlink(plan.displaySocket + ".lock")
    }

    private mutating func pollOnce() throws(SystemError) {
        let watched = [signals] + pipes.map(\.descriptor)
        var entries = watched.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
        let count = unsafe poll(&entries, nfds_t(entries.count), Self.milliseconds(driver.due.map { $0 - now }))
        guard count >= 0 || errno == EINTR else { throw .call(name: "poll", subject: "the session", code: errno) }
        guard count > 0 else { return }
        let ready = zip(pipes, entries.dropFirst()).filter { $1.revents != 0 }.map(\.0)
        for pipe in ready { try drain(pipe) }
        let arrived = try SignalPipe.read(signals)
        if arrived.contains(SIGCHLD) { try reap() }
        if !arrived.isDisjoint(with: Self.endingSignals) { driver.engine.terminationAsked(at: now) }
    }

    /// Rounded up, so that the time is over when `poll` returns.
    private static func milliseconds(_ wait: Duration?) -> CInt {
        guard let wait else { return -1 }
        let (seconds, attoseconds) = wait.components
        return CInt(clamping: max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1))
    }

    /// Reads what is there. At its end a pipe is forgotten, which closes it.
    private mutating func drain(_ pipe: OutputPipe) throws(SystemError) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        guard let count = try pipe.descriptor.read(into: &bytes) else { return }
        guard count > 0 else {
            pipes.removeAll { $0.descriptor === pipe.descriptor }
            if pipe.source == .manager { driver.engine.managerIsReady() }
            return
        }
        let read = Array(bytes.prefix(count))
        switch pipe.source {
        case .ready:
            // One line with a number.
            let number = String(decoding: read.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            if UInt16(number) != nil { driver.engine.displayIsReady(":" + number) }
        case .display:
            driver.engine.displayPrinted(read)
            log.append(read)
        case .manager: break
        case .clients:
            log.append(read)
        }
    }

    /// Waits for every child that has ended, and looks what is left.
    private mutating func reap() throws(SystemError) {
        var status: CInt = 0
        while true {
            let pid = unsafe waitpid(-1, &status, WNOHANG)
            if pid < 0, errno == EINTR { continue }
            if pid < 0, errno == ECHILD { return driver.engine.allAreGone() }
            guard pid >= 0 else { throw .call(name: "waitpid", subject: "the session", code: errno) }
            if pid == 0 { break }
            try ended(pid, ExitStatus(status: status))
        }
        // What has ended may have led to signals for the others.
        perform()
        switch driver.engine.phase {
        case .endingClients: if try clients().isEmpty { driver.engine.clientsAreGone(at: now) }
        // Children of killed ones may have appeared since.
        case .killing: try signalAll(SIGKILL)
        case .startingDisplay, .running, .endingDisplay, .over: break
        }
    }

    private mutating func ended(_ pid: pid_t, _ status: ExitStatus) throws(SystemError) {
        if pid == display {
            display = nil
            for pipe in pipes where pipe.source == .display { try drain(pipe) }
            driver.engine.displayEnded(status, at: now)
        } else if pid == command {
            command = nil
            driver.engine.commandEnded(status, at: now)
        }
    }

    /// All descendants but the display and what it has started.
    private func clients() throws(SystemError) -> [ProcessEntry] {
        let table = try ProcessTable.read()
        let spared = Set(display.map { [$0] + table.descendants(of: $0).map(\.pid) } ?? [])
        return table.descendants(of: getpid()).filter { !$0.isZombie && !spared.contains($0.pid) }
    }

    private func signalAll(_ signal: CInt) throws(SystemError) {
        for entry in try ProcessTable.read().descendants(of: getpid()) where !entry.isZombie { try entry.send(signal) }
    }
}

extension SessionSupervisor {
    /// Carries effects out until there are none left.
    private mutating func perform() {
        guard driver.begin() else { return }
        var effects: [SupervisorEngine.Effect] = []
        while driver.next(&effects) {
            for effect in effects { attempt(effect) }
        }
    }

    /// One that fails is noted in the log; the engine's deadlines lead on in any case.
    private mutating func attempt(_ effect: SupervisorEngine.Effect) {
        do throws(SystemError) {
            try perform(effect)
        } catch {
            log.note("\(error)")
            switch effect {
            case .startDisplay, .startManager, .startCommand: driver.engine.startFailed("\(error)", at: now)
            default: break
            }
        }
    }

    private mutating func perform(_ effect: SupervisorEngine.Effect) throws(SystemError) {
        switch effect {
        case .startDisplay: try startDisplay()
        case .startManager(let display): try startManager(display)
        case .startCommand: try startCommand()
        case .terminateClients:
            terms = nil
            try signalClients(SIGTERM)
        case .killClients: try signalClients(SIGKILL)
        case .terminateDisplay:
            if let display { try ProcessTable.entry(of: display)?.send(SIGTERM) }
        case .killAll:
            try signalAll(SIGKILL)
            // Without children there is no signal that would tell of it.
            try reap()
        case .record(var record):
            if !record.state.isLiving { record.ended = WallClock.milliseconds() }
            try SessionDirectory.write(record, directory.recordFile)
        case .note(let line): log.note(line)
        case .leave: isOver = true
        }
    }

    private mutating func signalClients(_ signal: CInt) throws(SystemError) {
        let clients = try clients()
        for entry in clients { try entry.send(signal) }
        if clients.isEmpty { driver.engine.clientsAreGone(at: now) }
    }

    private mutating func startDisplay() throws(SystemError) {
        let program = try DisplayServer.find(in: base["PATH"] ?? "")
        try PrivateDirectory.replaceFile(directory.authorityFile, with: authority.fileForServer())
        let output = try Kernel.makePipe()
        let ready = try Kernel.makePipe()
        umask(0o077)
        display = try Spawn.start(
            SpawnPlan(
                program: program,
                arguments: DisplayServer.arguments(plan, authorityFile: directory.authorityFile),
                environment: SessionEnvironment.server(base, plan: plan), directory: workingDirectory(),
                descriptors: [nil, output.writing, output.writing, ready.writing], isDetached: true))
        try add(.display, output.reading)
        try add(.ready, ready.reading)
    }

    private mutating func startManager(_ display: String) throws(SystemError) {
        let bytes = authority.fileForClients(display: String(display.dropFirst()), hostName: HostName.current())
        try PrivateDirectory.replaceFile(directory.authorityFile, with: bytes)
        let output = try Kernel.makePipe()
        try add(.clients, output.reading)
        let environment = SessionEnvironment.client(
            base, plan: plan, display: display, authorityFile: directory.authorityFile)
        terms = ClientTerms(environment: environment, output: output.writing)
        guard let manager = try DesktopChoice.windowManager(for: plan.start, path: base["PATH"] ?? "") else {
            return driver.engine.managerStarted(isAwaited: false, at: now)
        }
        var arguments = manager.arguments
        let isTelling = manager.program.hasSuffix("/openbox")
        if isTelling {
            // Openbox runs this once it manages windows; the others tell nobody.
            try add(.manager, directory.makeManagerFile())
            arguments += ["--startup", "/bin/sh -c ': > \"$FASTX_MANAGER_FILE\"'"]
        }
        _ = try startClient(manager.program, arguments, ["FASTX_MANAGER_FILE": directory.managerFile])
        driver.engine.managerStarted(isAwaited: isTelling, at: now)
    }

    private mutating func startCommand() throws(SystemError) {
        command = try startClient(SessionEnvironment.shell(of: user), ["-c", plan.start.command])
        terms = nil
    }

    private func startClient(
        _ program: String, _ arguments: [String], _ more: [String: String] = [:]
    ) throws(SystemError) -> pid_t {
        guard let terms else { throw .missingProgram(name: program, advice: "its session is over") }
        // The programs' own files are as private as the user wants.
        umask(mode_t(plan.fileModeMask))
        defer { umask(0o077) }
        return try Spawn.start(
            SpawnPlan(
                program: program, arguments: arguments,
                environment: terms.environment.merging(more) { _, new in new }, directory: workingDirectory(),
                descriptors: [nil, terms.output, terms.output], isDetached: true))
    }

    private mutating func add(_ source: OutputPipe.Source, _ descriptor: OwnedDescriptor) throws(SystemError) {
        try descriptor.setNonBlocking()
        pipes.append(OutputPipe(source: source, descriptor: descriptor))
    }

    /// The user's home, or `/` while it is not there.
    private func workingDirectory() -> String {
        unsafe access(user.home, X_OK) == 0 ? user.home : "/"
    }
}

/// This host's name.
enum HostName {
    static func current() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
