// What callers ask of the writer thread.
import Replica

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

enum LocalChange: Sendable {
    case put([UInt8], [UInt8])
    case delete([UInt8])
}

/// One request, which is carried out whole or not at all.
struct WriteRequest: Sendable {
    enum Work: Sendable {
        case write([LocalWrite], expecting: [Key: Version?], Answer<[WriteReceipt]>)
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
        case .write(_, _, let answer): answer.resume(returning: .failure(error))
        case .merge(_, let completion): completion(.failure(error))
        case .expire(let answer): answer.resume(returning: .failure(error))
        case .restamp(_, let answer): answer.resume(returning: .failure(error))
        case .discardDamaged(_, let answer): answer.resume(returning: .failure(error))
        case .local(_, let answer): answer.resume(returning: .failure(error))
        }
    }
}
