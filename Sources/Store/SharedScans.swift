// Scans of the whole map, each of which serves everyone who waited for it.
import Replica

/// Whoever asks while a scan is running waits for the next one, which serves all of them.
final class SharedScans: Sendable {
    private enum Question: Sendable {
        case sketch(symbolCount: Int, withAudit: Bool, Answer<MapSummary>)
        case keys(Set<UInt64>, Answer<[Key]>)

        func fail(_ error: StoreError) {
            switch self {
            case .sketch(_, _, let answer): answer.resume(returning: .failure(error))
            case .keys(_, let answer): answer.resume(returning: .failure(error))
            }
        }
    }

    private struct State {
        var waiting: [Question] = []
        var isScanning = false
    }

    private let state = Monitor(State())
    private let gate: Gate
    private let pool: ReaderPool

    init(gate: Gate, pool: ReaderPool) {
        self.gate = gate
        self.pool = pool
    }

    func sketch(symbolCount: Int, withAudit: Bool) async throws(StoreError) -> MapSummary {
        let result = await withCheckedContinuation { (answer: Answer<MapSummary>) in
            ask(.sketch(symbolCount: symbolCount, withAudit: withAudit, answer))
        }
        return try result.get()
    }

    func keys(ofItemIDs itemIDs: Set<UInt64>) async throws(StoreError) -> [Key] {
        if itemIDs.isEmpty { return [] }
        let result = await withCheckedContinuation { (answer: Answer<[Key]>) in
            ask(.keys(itemIDs, answer))
        }
        return try result.get()
    }

    private func ask(_ question: Question) {
        let mustStart = state.withLock { state in
            state.waiting.append(question)
            defer { state.isScanning = true }
            return !state.isScanning
        }
        if mustStart { start() }
    }

    private func start() {
        do {
            try pool.submit { self.scan() }
        } catch {
            let questions = state.withLock { state in
                defer { state = State() }
                return state.waiting
            }
            for question in questions { question.fail(error) }
        }
    }

    /// One scan, then another job for those who came meanwhile, so that other long reads get their turn between.
    private func scan() {
        let questions = state.withLock { state in
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        do {
            try answer(questions)
        } catch {
            for question in questions { question.fail(error) }
        }
        let mustGoOn = state.withLock { state in
            state.isScanning = !state.waiting.isEmpty
            return state.isScanning
        }
        if mustGoOn { start() }
    }

    /// Answers all questions, or throws having answered none.
    private func answer(_ questions: [Question]) throws(StoreError) {
        var symbolCount = 0
        var separatesAudit = false
        var searches: [(itemIDs: Set<UInt64>, answer: Answer<[Key]>, found: [Key])] = []
        for question in questions {
            switch question {
            case .sketch(let count, let withAudit, _):
                symbolCount = max(symbolCount, count)
                separatesAudit = separatesAudit || !withAudit
            case .keys(let itemIDs, let answer): searches.append((itemIDs, answer, []))
            }
        }
        let hasSketch = symbolCount > 0
        var summary = MapSummary(symbolCount: symbolCount)
        var audit = MapSummary(symbolCount: separatesAudit ? symbolCount : 0)
        try gate.read { transaction throws(StoreError) in
            try transaction.forEach(.entries, prefix: [], after: nil) { key, record in
                guard record.byteCount >= RecordHeader.byteCount else { return true }
                let digest = RecordHeader.digest(record)
                if hasSketch { summary.add(digest) }
                if separatesAudit, KeyClass.isAudit(key) { audit.add(digest) }
                for index in searches.indices where searches[index].itemIDs.contains(digest.itemID) {
                    searches[index].found.append(Key(checked: key.copy()))
                }
                return true
            }
        }
        for search in searches { search.answer.resume(returning: .success(search.found)) }
        for case .sketch(_, let withAudit, let answer) in questions {
            answer.resume(returning: .success(withAudit ? summary : summary.removing(audit)))
        }
    }
}
