// A thread for what blocks: a simulation waits for the real store, whose answers need the threads that tests run on.
import Foundation

/// Runs blocking work on a thread of its own.
func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}
