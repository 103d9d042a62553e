// One thread's way through the steps of an enumeration.

/// Follows the model of the disk from step to step, and looks at the images behind those that it is given.
struct Explorer {
    private let enumeration: Enumeration
    private let judge: any ImageJudge
    private var model: DiskModel
    private var allowed: [AllowedStates]
    private var appliedCount = 0

    init(_ enumeration: Enumeration, _ judge: any ImageJudge) {
        self.enumeration = enumeration
        self.judge = judge
        model = DiskModel(enumeration.timeline)
        allowed = enumeration.subjects.map { _ in AllowedStates() }
    }

    /// Looks at images of the disk right after a step, which is later than the one before.
    mutating func explore(_ step: Int, quota: Int) throws(CrashPointError) {
        advance(to: step)
        for (index, subject) in enumeration.subjects.enumerated() {
            let presences = model.presences(of: Subject.dataFileName, in: subject.name)
            for (presence, choice) in presences {
                let place = Place(
                    step: step, subject: subject, allowed: allowed[index], presence: presence, names: choice)
                if case .file(let file) = presence {
                    try explore(place, file, quota: max(1, quota / presences.count))
                } else {
                    try exploreAbsence(place)
                }
            }
        }
    }

    /// Builds one image again, and looks at it.
    mutating func rebuild(_ name: ImageName) throws(CrashPointError) -> RebuiltImage {
        guard enumeration.timeline.steps.indices.contains(name.operation) else {
            throw .imageName("\(name)", reason: "the recording has \(enumeration.timeline.steps.count) operations")
        }
        guard let index = enumeration.subjects.firstIndex(where: { $0.name == name.subject }) else {
            throw .imageName("\(name)", reason: "the workload has no subject \"\(name.subject)\"")
        }
        advance(to: name.operation)
        let subject = enumeration.subjects[index]
        let presence = model.presence(of: Subject.dataFileName, in: subject.name, name.names)
        guard case .file(let file) = presence else {
            let result = try judge.judgeAbsence(beside: presence.names)
            let fault = allowed[index].fault(result, presence, subject.kind)
            return RebuiltImage(bytes: nil, result: result, fault: fault)
        }
        let window = model.window(of: file)
        let image = window.image(name.contents ?? .subset(0, isGrown: false))
        let result = try judge.judge(image, of: file, in: window, kind: subject.kind, fully: true)
        let fault = allowed[index].fault(result, presence, subject.kind)
        return RebuiltImage(bytes: window.bytes(of: image), result: result, fault: fault)
    }

    private mutating func advance(to step: Int) {
        while appliedCount <= step {
            let next = enumeration.timeline.steps[appliedCount]
            model.apply(next)
            if case .notes(let notes) = next {
                for note in notes {
                    for (index, subject) in enumeration.subjects.enumerated() where subject.name == note.subject {
                        allowed[index].apply(note)
                    }
                }
            }
            appliedCount += 1
        }
    }

    // MARK: Images

    private struct Place {
        let step: Int
        let subject: Subject
        let allowed: AllowedStates
        let presence: Presence
        let names: NameChoice
    }

    private func exploreAbsence(_ place: Place) throws(CrashPointError) {
        // No file has such a hash, as far as hashes go.
        var hash = UInt128.max
        for name in place.presence.names?.sorted() ?? ["/"] {
            for byte in (name + "/").utf8 { hash = hash &* 257 &+ UInt128(byte) }
        }
        let result: ImageResult
        if let known = enumeration.known(hash) {
            result = known
        } else {
            result = try judge.judgeAbsence(beside: place.presence.names)
            _ = enumeration.learn(hash, result, fully: true)
        }
        decide(result, place, nil)
    }

    private func explore(_ place: Place, _ file: Int, quota: Int) throws(CrashPointError) {
        let window = model.window(of: file)
        let plan = ChoicePlan(window)
        var generator = SeededGenerator(seed: enumeration.limits.seed, UInt64(place.step))
        var newCount = 0
        for choices in [plan.whole, plan.torn] {
            // More than the quota is gone through where that makes it all of them: many were seen behind other steps.
            let isAll = choices.count <= Self.exhaustiveFactor * quota
            if isAll, choices == plan.whole, plan.isExhaustive, window.changeCount > 0 { enumeration.noteExhaustive() }
            for position in 0..<(isAll ? choices.count : max(2, quota / 2)) {
                let isDrawn = !isAll && (position >= 2 || choices == plan.torn)
                let number = isDrawn ? generator.below(choices.count) : position
                if try look(plan.choice(choices.lowerBound + number), window, place, file) { newCount += 1 }
            }
        }
        // Where hardly anything is new any more, nearly everything was seen.
        var attemptsLeft = window.changeCount == 0 ? 0 : 3 * quota + 16
        while newCount < quota, attemptsLeft > 0 {
            if try look(.random(generator.next()), window, place, file) { newCount += 1 }
            attemptsLeft -= 1
        }
    }

    private static let exhaustiveFactor = 4

    /// Looks at one image. Returns whether it is a new one.
    private func look(
        _ choice: ImageChoice, _ window: FileWindow, _ place: Place, _ file: Int
    ) throws(CrashPointError) -> Bool {
        let image = window.image(choice)
        let hash = place.subject.kind == .store ? image.hash : image.hash &+ 1
        if let known = enumeration.known(hash) {
            decide(known, place, choice)
            return false
        }
        let fully = UInt64(truncatingIfNeeded: hash >> 64) % UInt64(enumeration.limits.fullCheckInterval) == 0
        let result = try judge.judge(image, of: file, in: window, kind: place.subject.kind, fully: fully)
        let isNew = enumeration.learn(hash, result, fully: fully)
        decide(result, place, choice)
        return isNew
    }

    private func decide(_ result: ImageResult, _ place: Place, _ choice: ImageChoice?) {
        guard let fault = place.allowed.fault(result, place.presence, place.subject.kind) else { return }
        let name = ImageName(
            workload: enumeration.workload, operation: place.step, subject: place.subject.name, names: place.names,
            contents: choice)
        enumeration.report(Violation(image: "\(name)", reason: fault))
    }
}

extension Presence {
    /// The names beside a data file that there is not; nil where there is no directory either.
    fileprivate var names: Set<String>? {
        if case .noFile(let names) = self { return names }
        return nil
    }
}

/// An image that was built again.
package struct RebuiltImage: Sendable {
    /// The data file; nil where there is none.
    package let bytes: [UInt8]?
    package let result: ImageResult
    /// What is wrong with it; nil where nothing is.
    package let fault: String?
}
