// The module's values: what may be asked for, how a session's life goes, when a steward ends.
import Engines
import OperatingSystem
import Sessions
import Testing

@Suite("Requests for sessions")
struct SessionStartTests {
    private struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let start: SessionStart
        let word: StewardError.Word?

        var testDescription: String { what }
    }

    private static let cases: [Case] = [
        Case(what: "a plain command", start: SessionStart(command: "xterm"), word: nil),
        Case(what: "no command", start: SessionStart(command: ""), word: .badCommand),
        Case(what: "a command of spaces", start: SessionStart(command: " \n"), word: .badCommand),
        Case(what: "a command with a zero byte", start: SessionStart(command: "a\0b"), word: .badCommand),
        Case(
            what: "the longest command", start: SessionStart(command: String(repeating: "x", count: 4_096)), word: nil),
        Case(
            what: "a longer one", start: SessionStart(command: String(repeating: "x", count: 4_097)), word: .badCommand),
        Case(what: "a name of umlauts", start: SessionStart(command: "x", name: "Übung 1"), word: nil),
        Case(what: "a family of emoji", start: SessionStart(command: "x", name: "👨‍👩‍👧"), word: nil),
        Case(what: "an empty name", start: SessionStart(command: "x", name: ""), word: .badName),
        Case(what: "a name of two lines", start: SessionStart(command: "x", name: "a\nb"), word: .badName),
        Case(
            what: "a name that turns the text around", start: SessionStart(command: "x", name: "a\u{202E}b"),
            word: .badName),
        Case(
            what: "a long name", start: SessionStart(command: "x", name: String(repeating: "ü", count: 101)),
            word: .badName),
        Case(
            what: "the smallest display",
            start: SessionStart(command: "x", geometry: Geometry(width: 200, height: 200)),
            word: nil),
        Case(
            what: "a smaller one", start: SessionStart(command: "x", geometry: Geometry(width: 199, height: 200)),
            word: .badGeometry),
        Case(
            what: "a display too high",
            start: SessionStart(command: "x", geometry: Geometry(width: 200, height: 8_193)),
            word: .badGeometry),
        Case(what: "a parameter", start: SessionStart(command: "x", params: ["_a1": "any\nthing"]), word: nil),
        Case(what: "a parameter 1a", start: SessionStart(command: "x", params: ["1a": ""]), word: .badParameter),
        Case(what: "a parameter ä", start: SessionStart(command: "x", params: ["ä": ""]), word: .badParameter),
        Case(what: "a parameter a=b", start: SessionStart(command: "x", params: ["a=b": ""]), word: .badParameter),
        Case(what: "a nameless parameter", start: SessionStart(command: "x", params: ["": ""]), word: .badParameter),
        Case(
            what: "a value with a zero byte", start: SessionStart(command: "x", params: ["a": "\0"]),
            word: .badParameter),
        Case(
            what: "a long value",
            start: SessionStart(command: "x", params: ["a": String(repeating: "x", count: 4_097)]),
            word: .badParameter),
        Case(
            what: "65 parameters",
            start: SessionStart(
                command: "x", params: Dictionary(uniqueKeysWithValues: (0..<65).map { ("p\($0)", "") })),
            word: .badParameter),
        Case(
            what: "more than a packet holds",
            start: SessionStart(
                command: "x",
                params: Dictionary(
                    uniqueKeysWithValues: (0..<60).map { ("p\($0)", String(repeating: "x", count: 4_000)) })),
            word: .badParameter),
    ]

    @Test("The rules of a request hold", arguments: cases)
    private func rules(_ example: Case) {
        do throws(StewardError) {
            try example.start.validate()
            #expect(example.word == nil)
        } catch {
            #expect(error.word == example.word)
        }
    }

    @Test(
        "A geometry is two numbers and an x, and nothing else",
        arguments: [
            "", "x", "1280", "1280x", "x800", "1280x800x24", "1280X800", "-1x800", "1280x800 ", "1280x8e2", "1x123456",
        ])
    func geometry(text: String) {
        #expect(Geometry(text) == nil)
    }

    @Test("A request is read from JSON with its defaults, and a wrong choice is named")
    func json() throws {
        let start = try MessageCoding.decode(SessionStart.self, Array(#"{"command":"xterm"}"#.utf8))
        #expect(start == SessionStart(command: "xterm") && start.geometry.description == "1280x800")
        let wrong = Array(#"{"command":"xterm","windowManager":"wm"}"#.utf8)
        #expect(throws: SystemError.self) { try MessageCoding.decode(SessionStart.self, wrong) }
    }

    @Test("Messages survive their way through a packet")
    func messages() throws {
        let start = SessionStart(command: "a", name: "b", params: ["c": "d"], windowManager: .kwin)
        let sent = AgentMessage.request(number: .max, .start(start))
        guard
            case .request(.max, .start(start)) = try MessageCoding.decode(
                AgentMessage.self, try MessageCoding.encode(sent))
        else { return #expect(Bool(false), "another message came out") }
        let error = StewardError(.displayFailed, "no display")
        let reply = StewardMessage.reply(number: 3, .failed(error))
        guard
            case .reply(3, .failed(error)) = try MessageCoding.decode(
                StewardMessage.self, try MessageCoding.encode(reply))
        else { return #expect(Bool(false), "another message came out") }
    }

    @Test("A word that only a later version knows is an error of the system")
    func laterWord() throws {
        let json = Array(#"{"word":"unheard-of","sentence":"so it is"}"#.utf8)
        #expect(try MessageCoding.decode(StewardError.self, json) == StewardError(.system, "so it is"))
    }

    @Test(
        "Desktops bring their own window manager",
        arguments: [
            ("startxfce4", true), ("exec /usr/bin/startxfce4 --replace", true),
            ("dbus-run-session gnome-session", true),
            ("LANG=C env A=b mate-session", true), ("openbox", true), ("xterm", false), ("", false),
            ("xterm -e startxfce4", false),
        ])
    func desktops(command: String, isDesktop: Bool) {
        #expect(DesktopChoice.isDesktop(command) == isDesktop)
    }
}

@Suite("The life of a session")
struct SupervisorEngineTests {
    /// A session whose command runs.
    private static func running() -> SupervisorEngine {
        var engine = SupervisorEngine()
        engine.start(at: .zero)
        engine.displayIsReady(":1")
        engine.managerStarted(isAwaited: false, at: .seconds(1))
        _ = engine.takeEffects()
        return engine
    }

    @Test("The display starts first, then the command; the command's end ends everything in order")
    func inOrder() {
        var engine = SupervisorEngine()
        #expect(engine.after { $0.start(at: .zero) }.last == .startDisplay)
        #expect(engine.after { $0.displayIsReady(":3") }.last == .startManager(display: ":3"))
        let started = engine.after { $0.managerStarted(isAwaited: false, at: .seconds(1)) }
        #expect(started.first == .startCommand && Self.record(started)?.state == .running)
        #expect(engine.nextDeadline == nil)
        #expect(engine.after { $0.commandEnded(.exited(5), at: .seconds(2)) }.last == .terminateClients)
        #expect(engine.after { $0.clientsAreGone(at: .seconds(2)) }.last == .terminateDisplay)
        #expect(engine.after { $0.displayEnded(.exited(0), at: .seconds(3)) }.last == .killAll)
        let last = engine.after { $0.allAreGone() }
        #expect(last.last == .leave && engine.nextDeadline == nil)
        let record = Self.record(last)
        #expect(record?.state == .ended && record?.exitStatus == 5 && record?.display == ":3")
    }

    @Test("The command waits for a window manager that tells when it is there, and is started once")
    func manager() {
        var engine = SupervisorEngine()
        engine.start(at: .zero)
        engine.displayIsReady(":1")
        _ = engine.takeEffects()
        let waiting = engine.after { $0.managerStarted(isAwaited: true, at: .seconds(1)) }
        #expect(!waiting.contains(.startCommand) && Self.record(waiting)?.state == .running)
        #expect(engine.after { $0.managerIsReady() } == [.startCommand])
        #expect(engine.nextDeadline == nil)
        #expect(engine.after { $0.managerIsReady() } == [])
        #expect(engine.after { $0.tick(at: .seconds(100)) } == [])
    }

    @Test("A window manager that tells nothing is waited for three seconds")
    func slowManager() {
        var engine = SupervisorEngine()
        engine.start(at: .zero)
        engine.displayIsReady(":1")
        _ = engine.after { $0.managerStarted(isAwaited: true, at: .seconds(1)) }
        #expect(engine.nextDeadline == .seconds(4))
        #expect(engine.after { $0.tick(at: .seconds(4) - .nanoseconds(1)) } == [])
        #expect(engine.after { $0.tick(at: .seconds(4)) } == [.startCommand])
        #expect(engine.after { $0.managerIsReady() } == [] && engine.nextDeadline == nil)
    }

    @Test("A session that ends before its window manager is there never starts its command")
    func endsBeforeManager() {
        var engine = SupervisorEngine()
        engine.start(at: .zero)
        engine.displayIsReady(":1")
        engine.managerStarted(isAwaited: true, at: .seconds(1))
        engine.terminationAsked(at: .seconds(2))
        _ = engine.takeEffects()
        #expect(engine.after { $0.managerIsReady() } == [])
        #expect(engine.nextDeadline == .seconds(7))
        #expect(!engine.after { $0.tick(at: .seconds(7)) }.contains(.startCommand))
    }

    @Test("Programs that ignore their termination are killed after the grace time")
    func killing() {
        var engine = Self.running()
        _ = engine.after { $0.terminationAsked(at: .seconds(10)) }
        #expect(engine.after { $0.tick(at: .seconds(14)) } == [])
        let effects = engine.after { $0.tick(at: .seconds(15)) }
        #expect(effects.contains(.killClients) && effects.last == .terminateDisplay)
        #expect(engine.after { $0.tick(at: .seconds(18)) }.last == .killAll)
        #expect(engine.after { $0.tick(at: .seconds(28)) }.last == .leave)
    }

    @Test("A display that ends by itself fails the session, with its last lines")
    func displayFirst() {
        var engine = Self.running()
        engine.displayPrinted(Array("it hurts\n".utf8))
        #expect(engine.after { $0.displayEnded(.signalled(11), at: .seconds(2)) }.last == .terminateClients)
        // Programs end with their display, and what they tell is not why.
        engine.commandEnded(.exited(1), at: .seconds(2))
        #expect(engine.after { $0.clientsAreGone(at: .seconds(2)) }.last == .killAll)
        let record = Self.record(engine.after { $0.allAreGone() })
        #expect(record?.state == .failed && record?.reason?.contains("signal 11") == true)
        #expect(record?.reason?.contains("it hurts") == true)
    }

    @Test("A display that is not ready in time fails the session")
    func tooLate() {
        var engine = SupervisorEngine()
        engine.start(at: .zero)
        engine.displayPrinted(Array("still working".utf8))
        #expect(engine.nextDeadline == .seconds(30))
        #expect(engine.after { $0.tick(at: .seconds(30)) }.last == .terminateClients)
        #expect(engine.after { $0.displayIsReady(":1") } == [])
        engine.clientsAreGone(at: .seconds(31))
        engine.displayEnded(.signalled(15), at: .seconds(31))
        _ = engine.takeEffects()
        #expect(Self.record(engine.after { $0.allAreGone() })?.reason?.contains("still working") == true)
    }

    @Test("A session that is terminated has its command's status, if it has one by then")
    func terminated() {
        var engine = Self.running()
        _ = engine.after { $0.terminationAsked(at: .seconds(2)) }
        #expect(engine.after { $0.terminationAsked(at: .seconds(3)) } == [])
        _ = engine.after { $0.commandEnded(.signalled(15), at: .seconds(3)) }
        let record = Self.record(engine.after { $0.allAreGone() })
        #expect(record?.state == .ended && record?.exitStatus == 143 && record?.reason == nil)
    }

    private static func record(_ effects: [SupervisorEngine.Effect]) -> SupervisorRecord? {
        for case .record(let record) in effects { return record }
        return nil
    }
}

extension SupervisorEngine {
    /// What an input asks for.
    fileprivate mutating func after(_ input: (inout SupervisorEngine) -> Void) -> [Effect] {
        input(&self)
        return takeEffects()
    }
}

@Suite("The budget of a steward")
struct MessageBudgetTests {
    @Test("A burst is allowed, a flood is not, and time makes up for it")
    func budget() {
        var now = ContinuousClock.now
        var budget = MessageBudget(now: now)
        let burst = (0..<2 * MessageBudget.storeMax).prefix { _ in budget.take(now: now) }.count
        #expect(burst == MessageBudget.storeMax)
        now += .seconds(2)
        let allowed = (0..<1_000).prefix { _ in budget.take(now: now) }.count
        #expect((2 * MessageBudget.perSecond - 2...2 * MessageBudget.perSecond).contains(allowed))
        now += .seconds(100_000)
        let most = (0..<2 * MessageBudget.storeMax).prefix { _ in budget.take(now: now) }.count
        #expect(most == MessageBudget.storeMax)
    }
}

@Suite("The life of a steward")
struct StewardLifetimeTests {
    private let start = ContinuousClock.now

    @Test("Without a login and a session it ends after the grace time, counted from when that began")
    func idle() {
        var lifetime = StewardLifetime(now: start)
        lifetime.update(isConnected: true, loginCount: 1, livingCount: 0, now: start)
        #expect(lifetime.deadline == nil)
        lifetime.update(isConnected: true, loginCount: 0, livingCount: 0, now: start + .seconds(100))
        #expect(lifetime.deadline == start + .seconds(100) + StewardLifetime.idleTimeMax)
        // Looking again does not put it off.
        lifetime.update(isConnected: true, loginCount: 0, livingCount: 0, now: start + .seconds(105))
        #expect(lifetime.deadline == start + .seconds(100) + StewardLifetime.idleTimeMax)
        lifetime.update(isConnected: true, loginCount: 0, livingCount: 1, now: start + .seconds(106))
        #expect(lifetime.deadline == nil)
    }

    @Test("Without the agent it stays for its sessions, and for a while without them")
    func away() {
        var lifetime = StewardLifetime(now: start)
        lifetime.update(isConnected: true, loginCount: 0, livingCount: 1, now: start)
        lifetime.update(isConnected: false, loginCount: 0, livingCount: 1, now: start + .seconds(10))
        #expect(lifetime.deadline == nil)
        lifetime.update(isConnected: false, loginCount: 0, livingCount: 0, now: start + .seconds(500))
        #expect(lifetime.deadline == start + .seconds(500) + StewardLifetime.unreachableTimeMax)
    }

    @Test("It dials again after twice the time, up to a limit, and soon after it was connected")
    func backoff() {
        var backoff = DialBackoff()
        let waits = (0..<8).map { _ in backoff.wait(chance: 1) }
        #expect(waits.first == DialBackoff.first && waits.last == DialBackoff.last)
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(backoff.wait(chance: 0) == DialBackoff.last / 2)
        backoff.reset()
        #expect(backoff.wait(chance: 1) == DialBackoff.first)
    }
}
