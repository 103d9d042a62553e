// What is asked of the store of the cluster's configuration, what comes of it, and why it may refuse.
import Directory
package import MemberConfiguration
package import Replica

/// A change of one value, as somebody asks for it.
package struct GlobalProposal: Sendable {
    /// Which version the value has to have.
    package enum Expected: Sendable, Equatable {
        /// Whatever there is, or is not.
        case anything
        /// There is no value.
        case nothing
        /// The one that the change was made from.
        case version(Version)

        /// Reads the text of a version, or `absent`; nil is the refusal.
        package init?(text: String) {
            if text == Self.absent {
                self = .nothing
            } else if let version = Version(text: text) {
                self = .version(version)
            } else {
                return nil
            }
        }

        /// What stands for no value, as with files.
        package static let absent = "absent"
    }

    /// Which value.
    package let name: GlobalName
    /// Its whole new text; nil: it is to go.
    package let text: [UInt8]?
    /// What the change was made from.
    package let expected: Expected

    package init(_ name: GlobalName, text: [UInt8]?, expected: Expected = .anything) {
        self.name = name
        self.text = text
        self.expected = expected
    }
}

/// What became of a proposal.
package struct GlobalChange: Sendable, Equatable {
    /// Which value.
    package let name: GlobalName
    /// What was done.
    package let effect: Effect
    /// Of the entry that is in the map now; nil where there is none.
    package let version: Version?

    /// What a proposal does to a value.
    package enum Effect: String, Sendable {
        case added, changed, removed
        /// The value was so already, and nothing was written.
        case unchanged
    }
}

/// Why nothing was written.
package enum GlobalRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// Somebody else has written the value since. `writer` is the member at which that was, where it is known; nil for
    /// `found` where the value is gone.
    case stale(GlobalName, found: Version?, writer: ServerID?)
    /// There is no value to be removed.
    case absent(GlobalName)
    /// This member may not write what all members share: a sentence.
    case notWritable(reason: String, sentence: String)
    /// Others have written the value again and again meanwhile.
    case contended(GlobalName)
    /// The history has no such version of the value, or not its text.
    case notInHistory(String)

    /// What stands in the way and what to do.
    package var description: String {
        switch self {
        case .stale(let name, let found?, let writer):
            "\(name): somebody else has changed it: version \(found.text) was written at "
                + "\(found.clock.time.text) by \(writer?.text ?? "a member not known here"); nothing was written; "
                + "look at it and repeat the change"
        case .stale(let name, nil, _):
            "\(name): somebody else has removed it, or it was never there; nothing was written; look and repeat the change"
        case .absent(let name): "there is no \(name)"
        case .notWritable(_, let sentence): sentence
        case .contended(let name): "\(name): others are writing it all the time; nothing was written; try again"
        case .notInHistory(let sentence): sentence
        }
    }
}
