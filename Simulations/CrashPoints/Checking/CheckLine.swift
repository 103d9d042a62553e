// What goes over the pipes between the enumeration and the processes that read images: a line each way.

/// What to check.
struct CheckRequest {
    let directory: String
    let kind: Subject.Kind
    /// Whether to open the store, write to it and check again.
    let fully: Bool

    init(directory: String, kind: Subject.Kind, fully: Bool) {
        self.directory = directory
        self.kind = kind
        self.fully = fully
    }

    init?(line: String) {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3, ["read", "use"].contains(words[0]), ["store", "backup"].contains(words[1]) else {
            return nil
        }
        self.init(directory: String(words[2]), kind: words[1] == "store" ? .store : .backup, fully: words[0] == "use")
    }

    var line: String { "\(fully ? "use" : "read") \(kind == .store ? "store" : "backup") \(directory)" }
}

extension ImageResult {
    package init?(line: String) {
        let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
        let head = parts[0].split(separator: " ", maxSplits: 1)
        guard let word = head.first else { return nil }
        let text = head.count > 1 ? String(head[1]) : ""
        switch word {
        case "state":
            guard let state = MapState(words: text.split(separator: " ")) else { return nil }
            self = .state(state)
        case "damaged": self = .damaged(text)
        case "refused":
            guard parts.count == 2, let opened = Opened(line: parts[1]) else { return nil }
            self = .refused(text, opened)
        case "died": self = .died(text)
        default: return nil
        }
    }

    package var line: String {
        switch self {
        case .state(let state): "state \(state.words)"
        case .damaged(let reason): "damaged \(Self.flat(reason))"
        case .refused(let reason, let opened):
            switch opened {
            case .empty: "refused \(Self.flat(reason))\tempty"
            case .holding(let state): "refused \(Self.flat(reason))\tholding \(state.words)"
            case .failed(let second): "refused \(Self.flat(reason))\tfailed \(Self.flat(second))"
            }
        case .died(let reason): "died \(Self.flat(reason))"
        }
    }

    private static func flat(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
    }
}

extension ImageResult.Opened {
    fileprivate init?(line: Substring) {
        let words = line.split(separator: " ", maxSplits: 1)
        switch words.first {
        case "empty": self = .empty
        case "holding":
            guard words.count == 2, let state = MapState(words: words[1].split(separator: " ")) else { return nil }
            self = .holding(state)
        case "failed": self = .failed(words.count == 2 ? String(words[1]) : "")
        default: return nil
        }
    }
}
