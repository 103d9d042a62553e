// What a steward has yet to send: reports, of which only the last of each session counts, and answers.
import OperatingSystem

/// Its size is bounded by the number of sessions and of requests under way.
struct StewardOutbox: Sendable {
    enum Item: Sendable {
        case changed(String)
        case removed(String)
        case answer(number: UInt64, StewardAnswer, OwnedDescriptor?)
    }

    private var answers: [Item] = []
    private var changed: [String] = []
    private var removed: [String] = []

    var isEmpty: Bool { answers.isEmpty && changed.isEmpty && removed.isEmpty }

    mutating func change(_ id: String) {
        if !changed.contains(id) { changed.append(id) }
    }

    mutating func remove(_ id: String) {
        changed.removeAll { $0 == id }
        removed.append(id)
    }

    mutating func answer(_ number: UInt64, _ answer: StewardAnswer, _ descriptor: OwnedDescriptor?) {
        answers.append(.answer(number: number, answer, descriptor))
    }

    /// For a new connection: nothing of the old one, all sessions anew.
    mutating func restart(_ ids: [String]) {
        self = StewardOutbox()
        changed = ids
    }

    /// Changes before answers, so that whoever asked for one has its report already.
    mutating func popFirst() -> Item? {
        if !removed.isEmpty { return .removed(removed.removeFirst()) }
        if !changed.isEmpty { return .changed(changed.removeFirst()) }
        return answers.isEmpty ? nil : answers.removeFirst()
    }
}
