// Goes through the images of one recording, several threads at once, each with a judge of its own.
import Synchronization

/// How much to look at.
package struct EnumerationLimits: Sendable {
    /// Distinct images to look at, where there are so many.
    package var imageCountMax: Int
    /// One image in so many is also used, not only read.
    package var fullCheckInterval: Int
    package var seed: UInt64
    /// After so many violations no more are looked for.
    package var violationCountMax: Int

    package init(imageCountMax: Int, fullCheckInterval: Int = 200, seed: UInt64 = 1, violationCountMax: Int = 100) {
        self.imageCountMax = imageCountMax
        self.fullCheckInterval = fullCheckInterval
        self.seed = seed
        self.violationCountMax = violationCountMax
    }
}

/// One thing that must not be.
package struct Violation: Sendable, Hashable, Codable {
    /// The image's name, or the place in the journal.
    package let image: String
    package let reason: String
}

/// What an enumeration found.
package struct EnumerationResult: Sendable {
    package var crashPointCount = 0
    /// Windows of pending changes of which all subsets were gone through.
    package var exhaustiveWindowCount = 0
    package var imageCount = 0
    package var openedFullyCount = 0
    package var violationCount = 0
    /// The first violations.
    package var violations: [Violation] = []
}

/// The enumeration of one recording.
package final class Enumeration: Sendable {
    let workload: String
    let timeline: Timeline
    let subjects: [Subject]
    let limits: EnumerationLimits
    private let state: Mutex<State>

    private struct State {
        var nextStep = 0
        /// Of each step whether the images after it are many.
        var isRich: [Bool]
        var richLeft: Int
        var known: [UInt128: UInt32] = [:]
        var results: [ImageResult] = []
        var resultNumbers: [ImageResult: UInt32] = [:]
        var found = EnumerationResult()
        var failure: CrashPointError?
    }

    package init(workload: String, _ recording: Recording, subjects: [Subject], limits: EnumerationLimits)
        throws(CrashPointError)
    {
        self.workload = workload
        self.subjects = subjects
        self.limits = limits
        timeline = try Timeline(recording)
        let isRich = Self.richSteps(timeline, subjects)
        state = Mutex(State(isRich: isRich, richLeft: isRich.count { $0 }))
    }

    /// Looks at images until there are no more, or enough. Call it from as many threads as there are judges.
    package func run(_ judge: any ImageJudge) {
        do {
            var explorer = Explorer(self, judge)
            while let (step, quota) = claim() { try explorer.explore(step, quota: quota) }
        } catch {
            state.withLock { $0.failure = $0.failure ?? error }
        }
    }

    /// Builds one image again, and looks at it.
    package func rebuild(_ name: ImageName, _ judge: any ImageJudge) throws(CrashPointError) -> RebuiltImage {
        var explorer = Explorer(self, judge)
        return try explorer.rebuild(name)
    }

    /// What was found, once all threads are done.
    package func result() throws(CrashPointError) -> EnumerationResult {
        var (found, failure) = state.withLock { ($0.found, $0.failure) }
        if let failure { throw failure }
        for violation in journalFaults() {
            found.violationCount += 1
            found.violations.append(violation)
        }
        return found
    }

    /// Where the store's own account was not what the oracle says.
    private func journalFaults() -> [Violation] {
        var expected: [String: [Int: MapState]] = [:]
        var faults: [Violation] = []
        for (operation, note) in timeline.notes {
            guard note.word == .done, let observed = note.state else {
                if let state = note.state { expected[note.subject, default: [:]][note.number] = state }
                continue
            }
            let state = expected[note.subject]?[note.number]
            if observed == state { continue }
            let reason = "the store says that it holds \(observed); by the oracle it is \(state.map { "\($0)" } ?? "-")"
            faults.append(Violation(image: "\(workload):\(operation):\(note.subject)", reason: reason))
        }
        return faults
    }

    private static func richSteps(_ timeline: Timeline, _ subjects: [Subject]) -> [Bool] {
        var model = DiskModel(timeline)
        return timeline.steps.map { step in
            model.apply(step)
            return subjects.contains { subject in
                model.presences(of: Subject.dataFileName, in: subject.name).contains { found in
                    if case .file(let file) = found.presence { return !model.files[file].pending.isEmpty }
                    return false
                }
            }
        }
    }

    // MARK: Shared between the threads

    /// The next step to look behind, and how many new images to look for there; nil at the end.
    private func claim() -> (step: Int, quota: Int)? {
        state.withLock { state in
            let steps = timeline.steps
            while state.nextStep < steps.count, steps[state.nextStep] == .nothing { state.nextStep += 1 }
            guard state.nextStep < steps.count, state.failure == nil else { return nil }
            guard state.found.violationCount < limits.violationCountMax else { return nil }
            let step = state.nextStep
            state.nextStep += 1
            state.found.crashPointCount += 1
            guard state.isRich[step] else { return (step, 1) }
            let quota = (limits.imageCountMax - state.found.imageCount) / max(1, state.richLeft)
            state.richLeft -= 1
            return (step, max(1, quota))
        }
    }

    func known(_ hash: UInt128) -> ImageResult? {
        state.withLock { state in state.known[hash].map { state.results[Int($0)] } }
    }

    /// Takes note of what an image is. Returns whether it is a new one.
    func learn(_ hash: UInt128, _ result: ImageResult, fully: Bool) -> Bool {
        state.withLock { state in
            let number: UInt32
            if let known = state.resultNumbers[result] {
                number = known
            } else {
                number = UInt32(state.results.count)
                state.results.append(result)
                state.resultNumbers[result] = number
            }
            guard state.known.updateValue(number, forKey: hash) == nil else { return false }
            state.found.imageCount += 1
            if fully { state.found.openedFullyCount += 1 }
            return true
        }
    }

    func noteExhaustive() { state.withLock { $0.found.exhaustiveWindowCount += 1 } }

    func report(_ violation: Violation) {
        state.withLock { state in
            state.found.violationCount += 1
            if state.found.violations.count < limits.violationCountMax { state.found.violations.append(violation) }
        }
    }
}
