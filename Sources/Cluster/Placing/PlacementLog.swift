// The latest placements of this member, with how each came about.
package import JSON
import OperatingSystem
import Placement
package import Replica
import Synchronization

/// Keeps traces, the oldest of which make room for new ones.
package final class PlacementLog: Sendable {
    /// So many are kept; one is some kilobytes, with long lists up to a hundred.
    package static let traceCountMax = 500

    /// As text: the servers that it tells of would be kept alive otherwise.
    private struct Kept {
        let user: String
        let text: [UInt8]
    }

    private struct State {
        /// In the order in which they began.
        var ids: [String] = []
        var traces: [String: Kept] = [:]
    }

    private let serverID: ServerID
    private let state = Mutex(State())

    package init(serverID: ServerID) { self.serverID = serverID }

    /// A name for a trace, by which every member knows whom to ask for it.
    func newID() -> String { "\(serverID)-\(HexText.encode(RandomBytes.make(8)))" }

    /// Keeps a trace, or what has become of it since.
    func keep(_ trace: PlacementTrace) {
        let kept = Kept(user: trace.user, text: Array(trace.document.canonicalText.utf8))
        state.withLock { state in
            if state.traces.updateValue(kept, forKey: trace.id) == nil { state.ids.append(trace.id) }
            guard state.ids.count > Self.traceCountMax else { return }
            state.traces[state.ids.removeFirst()] = nil
        }
    }

    /// The trace of an id, and whose it is; nil where it was not of this member, or has made room since.
    package subscript(id: String) -> (user: String, document: JSONValue)? {
        state.withLock { $0.traces[id] }.flatMap { kept in document(of: kept).map { (kept.user, $0) } }
    }

    /// The latest ones, the newest first.
    package func latest(_ countMax: Int) -> [JSONValue] {
        let kept = state.withLock { state in state.ids.suffix(countMax).reversed().compactMap { state.traces[$0] } }
        return kept.compactMap(document)
    }

    /// What was written here is JSON.
    private func document(of kept: Kept) -> JSONValue? { try? JSONValue.parse(kept.text) }
}
