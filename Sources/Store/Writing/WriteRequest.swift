// What callers ask of the writer thread.
package import Replica

/// How the writer answers a caller that is suspended meanwhile.
typealias Answer<Value: Sendable> = CheckedContinuation<Result<Value, StoreError>, Never>

/// How the writer answers for a received batch: received data is merged in order, so nobody suspends for it.
package typealias MergeCompletion = @Sendable (Result<MergeOutcome, StoreError>) -> Void

/// How far a pass over the table got that is done in several transactions.
struct PassProgress: Sendable {
    var count = 0
    /// The last key it dealt with, or nil where the pass is complete.
    var last: [UInt8]?
}

/// A received batch and how to judge it.
struct ReceivedBatch: Sendable {
    let entries: EntryBatch
    let scope: WriteScope
    let source: UInt64
}

/// A change of what a member keeps for itself.
package enum LocalChange: Sendable {
    /// Bytes under a key.
    case put([UInt8], [UInt8])
    /// A key that there is not is no error.
    case delete([UInt8])

    var key: [UInt8] {
        switch self {
        case .put(let key, _), .delete(let key): key
        }
    }
}

/// What is written in one transaction with other writes, and follows from what became of them.
package struct FollowingWrites: Sendable {
    /// Written after the others, without conditions.
    package var entries: [LocalWrite]
    /// What this member keeps for itself.
    package var local: [LocalChange]

    package init(entries: [LocalWrite] = [], local: [LocalChange] = []) {
        self.entries = entries
        self.local = local
    }
}

/// Makes what follows from writes out of their receipts. Called on the writer's thread, so it must not block; more than
/// once where a transaction is tried again.
package typealias Following = @Sendable ([WriteReceipt]) -> FollowingWrites

/// One request, which is carried out whole or not at all.
struct WriteRequest: Sendable {
    enum Work: Sendable {
        case write([LocalWrite], expecting: [Key: Version?], following: Following?, Answer<[WriteReceipt]>)
        case merge(ReceivedBatch, MergeCompletion)
        case expire(Answer<PassProgress>)
        case restamp(after: [UInt8]?, Answer<PassProgress>)
        case discardDamaged([Key], Answer<Int>)
        case local(LocalChange, Answer<Void>)
    }

    let work: Work
    let byteCount: Int
    let urgency: Urgency
    /// When it was queued, in nanoseconds of the monotonic clock.
    let queuedAt = monotonicNanoseconds()

    func fail(_ error: StoreError) {
        switch work {
        case .write(_, _, _, let answer): answer.resume(returning: .failure(error))
        case .merge(_, let completion): completion(.failure(error))
        case .expire(let answer): answer.resume(returning: .failure(error))
        case .restamp(_, let answer): answer.resume(returning: .failure(error))
        case .discardDamaged(_, let answer): answer.resume(returning: .failure(error))
        case .local(_, let answer): answer.resume(returning: .failure(error))
        }
    }
}
