// Deliberate faults of a recording, as if the store had made them: the enumeration must find each.

/// What to falsify in a recording.
package enum RecordingFault: String, Sendable, CaseIterable {
    /// No file is ever synced, but for O_DSYNC writes.
    case withoutSyncs = "without-syncs"
    /// No directory is ever synced.
    case withoutDirectorySyncs = "without-directory-syncs"
    /// Operations are acknowledged before their first sync.
    case earlyAcknowledgement = "early-acknowledgement"
}

extension Recording {
    /// The recording with a fault in all that comes after the first acknowledgement.
    package func with(_ fault: RecordingFault) -> Recording {
        let start = (operations.firstIndex { Self.word($0) == .done } ?? operations.count - 1) + 1
        let rest = operations[start...]
        switch fault {
        case .withoutSyncs: return Recording(operations: operations[..<start] + rest.filter { $0.action != .sync })
        case .withoutDirectorySyncs:
            return Recording(
                operations: operations[..<start]
                    + rest.filter { operation in
                        if case .syncDirectory = operation.action { return false }
                        return true
                    })
        case .earlyAcknowledgement: return Recording(operations: operations[..<start] + Self.acknowledgedEarly(rest))
        }
    }

    /// Moves each `done` before the first sync since the `begin` before it.
    private static func acknowledgedEarly(_ operations: ArraySlice<RecordedOperation>) -> [RecordedOperation] {
        var output: [RecordedOperation] = []
        /// Where the first sync since the last `begin` is in the output.
        var firstSync: Int?
        for operation in operations {
            switch word(operation) {
            case .begin, .attempt:
                firstSync = nil
                output.append(operation)
            case .done:
                output.insert(operation, at: firstSync ?? output.count)
                firstSync = nil
            case .failed: output.append(operation)
            case nil:
                if operation.action == .sync, firstSync == nil { firstSync = output.count }
                output.append(operation)
            }
        }
        return output
    }

    /// The word that a write to the journal begins with; nil where it is something else.
    private static func word(_ operation: RecordedOperation) -> Note.Word? {
        guard case .write(_, let bytes, _) = operation.action, bytes.count < 200 else { return nil }
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return (try? Note(line: Substring(line)))?.word
    }
}
