// Which states of a subject a power cut may leave, by the journal so far.

/// A directory whose data file is checked in every image.
package struct Subject: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// A store. While its creation is not acknowledged its file may be anything that the store, when it is opened,
        /// makes an empty store of.
        case store
        /// A backup, or a store that came to be by one: its file is absent or whole.
        case backup
    }

    /// The directory's name in the recorded directory. The data file in it is called `data.mdb`.
    package let name: String
    package let kind: Kind

    package init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    package static let dataFileName = "data.mdb"
}

/// What is allowed of one subject at one moment.
package struct AllowedStates: Sendable {
    private struct Begun: Sendable {
        let number: Int
        let state: MapState
    }

    private var acknowledged: MapState?
    private var begun: [Begun] = []

    package init() {}

    package mutating func apply(_ note: Note) {
        switch note.word {
        case .begin, .attempt:
            if let state = note.state { begun.append(Begun(number: note.number, state: state)) }
        case .done:
            if let own = begun.first(where: { $0.number == note.number }) { acknowledged = own.state }
            begun.removeAll { $0.number <= note.number }
        case .failed:
            begun.removeAll { $0.number == note.number }
        }
    }

    /// Whether nothing was acknowledged yet, so that there need not be a file.
    package var mayBeAbsent: Bool { acknowledged == nil }

    package func allows(_ state: MapState) -> Bool {
        state == acknowledged || begun.contains { $0.state == state }
    }

    /// What is wrong with what an image turned out to be; nil where nothing is.
    package func fault(_ result: ImageResult, _ presence: Presence, _ kind: Subject.Kind) -> String? {
        switch result {
        case .state(let state):
            return allows(state) ? nil : "it holds \(state); allowed: \(self)"
        case .refused(let reason, let opened):
            let isFile = if case .file = presence { true } else { false }
            guard mayBeAbsent, kind == .store || !isFile else {
                return "it cannot be read (\(reason)); allowed: \(self)"
            }
            // A backup that is not there is nothing that anyone opens.
            if kind == .backup { return nil }
            switch opened {
            case .empty: return nil
            case .holding(let state): return "opened, it holds \(state) instead of nothing"
            case .failed(let reason): return "no store can be made where its creation was cut off: \(reason)"
            }
        case .damaged(let reason): return reason
        case .died(let reason): return "whoever reads it dies: \(reason)"
        }
    }
}

extension AllowedStates: CustomStringConvertible {
    package var description: String {
        var allowed = begun.map { "\($0.state)" }
        allowed.insert(acknowledged.map { "\($0)" } ?? "no store yet", at: 0)
        return allowed.joined(separator: ", or ")
    }
}

/// What a check of an image gave.
package enum ImageResult: Sendable, Hashable {
    /// What opening for reading and writing made of an image that cannot be read as it is.
    package enum Opened: Sendable, Hashable {
        case empty
        case holding(MapState)
        case failed(String)
    }

    /// It is sound.
    case state(MapState)
    /// It can be read, but entries are damaged, or opening and writing showed another fault.
    case damaged(String)
    /// A check refuses it, or there is nothing.
    case refused(String, Opened)
    /// The process that read it died or never answered.
    case died(String)
}
