// The journal of a workload: what it asked of the store and what the store acknowledged, in the order of the recording.

/// One line of the journal: `<word> <subject> <number> [<entry count> <fingerprint> <local count>]`.
package struct Note: Sendable, Hashable {
    package enum Word: String, Sendable {
        /// An operation begins that leads to a state, by the oracle. Those of one subject are numbered; each state
        /// supposes that all before it were reached or given up.
        case begin
        /// The same for an operation whose sync is going to fail.
        case attempt
        /// The operation was acknowledged. The state is what the store says of itself, where it was asked.
        case done
        /// The operation was answered with an error, which says that nothing was written.
        case failed
    }

    package let word: Word
    package let subject: String
    package let number: Int
    package let state: MapState?

    package init(_ word: Word, subject: String, number: Int, state: MapState? = nil) {
        self.word = word
        self.subject = subject
        self.number = number
        self.state = state
    }

    package init(line: Substring) throws(CrashPointError) {
        let words = line.split(separator: " ")
        guard words.count == 3 || words.count == 6, let word = Word(rawValue: String(words[0])),
            let number = Int(words[2])
        else { throw .note(String(line)) }
        let state = MapState(words: words[3...])
        let mustHaveState = word == .begin || word == .attempt
        if state == nil, words.count == 6 || mustHaveState { throw .note(String(line)) }
        self.init(word, subject: String(words[1]), number: number, state: state)
    }

    /// The line without its end.
    package var line: String {
        "\(word.rawValue) \(subject) \(number)" + (state.map { " \($0.words)" } ?? "")
    }
}

/// The journal's name in the recorded directory.
package let journalName = "notes"
