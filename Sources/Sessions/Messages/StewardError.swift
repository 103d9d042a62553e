// What a steward or the agent's side of it answers when it cannot do what it was asked.
import OperatingSystem

/// A word that programs can rely on, and a sentence for people: what was wrong, where, and what to do.
package struct StewardError: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// The closed set of reasons.
    package enum Word: String, Codable, Sendable, CaseIterable {
        /// The user has no session of this id.
        case noSuchSession = "no-such-session"
        /// The user has as many sessions as allowed.
        case limitReached = "limit-reached"
        /// The command is empty, too long, or has a zero byte.
        case badCommand = "bad-command"
        /// The name breaks the rules of `SessionStart`.
        case badName = "bad-name"
        /// The geometry is of another form, or out of range.
        case badGeometry = "bad-geometry"
        /// Parameters are too many or too long, or one has a name that no variable can have.
        case badParameter = "bad-parameter"
        /// The window manager is unknown or not installed.
        case badWindowManager = "bad-window-manager"
        /// The display could not be started or opened.
        case displayFailed = "display-failed"
        /// The session has ended.
        case notRunning = "not-running"
        /// The session has to end first.
        case stillRunning = "still-running"
        /// No steward of the user is connected.
        case notConnected = "not-connected"
        /// There was no answer in time.
        case timedOut = "timed-out"
        /// Whoever asked does not wait any longer.
        case cancelled
        /// Too many requests are under way.
        case busy
        /// The agent does not accept this user's steward.
        case refused
        /// The two programs do not understand each other's version.
        case version
        /// A message broke the rules of the protocol.
        case badMessage = "bad-message"
        /// A call of the operating system failed.
        case system
    }

    /// By this a program decides; it also travels to pages and users' programs.
    package let word: Word
    /// For people: what was wrong, where, and what to do, in one line.
    package let sentence: String

    /// Of this process. What the other one sent is decoded, and its sentence cut.
    package init(_ word: Word, _ sentence: String) {
        self.word = word
        self.sentence = sentence
    }

    /// A word that is not known here becomes `system`, and a sentence is cut at 2,000 characters.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // A later version may know more words.
        word = Word(rawValue: try container.decode(String.self, forKey: .word)) ?? .system
        sentence = String(try container.decode(String.self, forKey: .sentence).prefix(Self.sentenceCountMax))
    }

    /// Characters of a sentence that are kept.
    private static let sentenceCountMax = 2_000

    /// The sentence, with the word in parentheses.
    package var description: String { "\(sentence) (\(word.rawValue))" }
}

extension StewardError {
    /// An error of this module on its way to the other process.
    init(_ error: SystemError) {
        self.init(.system, "\(error)")
    }

    static func noSuchSession(_ id: String) -> StewardError {
        StewardError(
            .noSuchSession, "there is no session \(id.prefix(64)); it may have been removed: look at the list again")
    }
}
