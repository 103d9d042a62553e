// Drives an engine made for the purpose: in which order effects are performed, and when the timer is set.
import Engines
import Testing

/// Does what it is told, and waits for what it is told to wait for.
private struct ScriptedEngine: Engine, ~Copyable {
    enum Effect: Equatable { case perform(String) }

    var nextDeadline: Duration?
    private var effects: [Effect] = []
    private(set) var ticks: [Duration] = []

    mutating func ask(for names: String...) { effects += names.map { .perform($0) } }
    mutating func wait(until deadline: Duration?) { nextDeadline = deadline }
    mutating func takeEffects(_ taken: inout [Effect]) { swap(&effects, &taken) }

    mutating func tick(at now: Duration) {
        ticks.append(now)
        if let nextDeadline, nextDeadline <= now { self.nextDeadline = nil }
    }
}

/// Remembers what it was set for, in order.
private final class RecordingTimer: EngineTimer {
    private(set) var times: [Duration?] = []

    func set(_ deadline: Duration?) { times.append(deadline) }
}

@Suite("The driver of an engine")
struct DriverTests {
    /// An owner as the documentation of the driver has it.
    private struct Shell: ~Copyable {
        let timer = RecordingTimer()
        var driver: Driver<ScriptedEngine, RecordingTimer>
        var performed: [String] = []
        /// What an effect leads to.
        var consequences: [String: [String]] = [:]
        var deadlines: [String: Duration] = [:]

        init() { driver = Driver(ScriptedEngine(), timer: timer) }

        mutating func perform() {
            guard driver.begin() else { return }
            var effects: [ScriptedEngine.Effect] = []
            while driver.next(&effects) {
                for case .perform(let name) in effects { perform(name) }
            }
        }

        private mutating func perform(_ name: String) {
            performed.append(name)
            for consequence in consequences[name] ?? [] {
                driver.engine.ask(for: consequence)
                // As an owner does after every input.
                perform()
            }
            if let deadline = deadlines[name] { driver.engine.wait(until: deadline) }
        }
    }

    @Test("Inputs that effects lead to are performed after the effects that are there, in order and once")
    func order() {
        var shell = Shell()
        shell.consequences = ["a": ["c", "d"], "c": ["e"]]
        shell.driver.engine.ask(for: "a", "b")
        shell.perform()
        #expect(shell.performed == ["a", "b", "c", "d", "e"])
        shell.driver.engine.ask(for: "f")
        shell.perform()
        #expect(shell.performed.last == "f" && shell.performed.count == 6)
    }

    @Test("Where nothing is waited for, no timer is ever set")
    func noTimer() {
        var shell = Shell()
        shell.perform()
        shell.driver.engine.ask(for: "a", "b")
        shell.perform()
        #expect(shell.timer.times.isEmpty && shell.driver.due == nil)
    }

    @Test("The timer is set once, for the deadline that there is when all effects have been performed")
    func timer() {
        var shell = Shell()
        shell.deadlines = ["a": .seconds(5), "b": .seconds(3)]
        shell.driver.engine.ask(for: "a", "b")
        shell.perform()
        #expect(shell.timer.times == [.seconds(3)] && shell.driver.due == .seconds(3))
        shell.driver.tick(at: .seconds(3))
        shell.perform()
        #expect(shell.timer.times == [.seconds(3)] && shell.driver.due == nil)
        #expect(shell.driver.engine.ticks == [.seconds(3)])
    }

    @Test("A deadline that comes nearer sets the timer anew; one that moves away is waited for after the next tick")
    func moved() {
        var shell = Shell()
        for deadline in [10, 20, 8] {
            shell.driver.engine.wait(until: .seconds(deadline))
            shell.perform()
        }
        #expect(shell.timer.times == [.seconds(10), .seconds(8)])
        shell.driver.engine.wait(until: .seconds(30))
        shell.perform()
        shell.driver.tick(at: .seconds(8))
        shell.perform()
        #expect(shell.timer.times == [.seconds(10), .seconds(8), .seconds(30)])
    }

    @Test("Where nothing is waited for any more, the timer is taken back")
    func takenBack() {
        var shell = Shell()
        shell.driver.engine.wait(until: .seconds(10))
        shell.perform()
        shell.driver.engine.wait(until: nil)
        shell.perform()
        shell.perform()
        #expect(shell.timer.times == [.seconds(10), nil] && shell.driver.due == nil)
    }

    @Test("While one performs, another one does not, and what he has brought is performed by the first")
    func onePerformer() {
        var driver = Driver(ScriptedEngine(), timer: RecordingTimer())
        var effects: [ScriptedEngine.Effect] = []
        driver.engine.ask(for: "a")
        let begins = driver.begin()
        let hasFirst = driver.next(&effects)
        #expect(begins && hasFirst && effects == [.perform("a")])
        driver.engine.ask(for: "b")
        let beginsTwice = driver.begin()
        let hasSecond = driver.next(&effects)
        #expect(!beginsTwice && hasSecond && effects == [.perform("b")])
        let hasThird = driver.next(&effects)
        let beginsAgain = driver.begin()
        #expect(!hasThird && effects.isEmpty && beginsAgain)
    }
}
