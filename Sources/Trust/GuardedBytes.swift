// Memory for secrets: guard pages around it, kept out of swap and core files, read-only once filled, wiped when freed.
internal import CSodium

/// Owns one allocation of libsodium's guarded memory. The pointer never leaves this file except inside `withBytes`.
///
/// Unchecked because it holds a pointer; safe to share because nothing writes after `init`.
@safe final class GuardedBytes: @unchecked Sendable {
    private let start: UnsafeMutableRawPointer
    let count: Int

    /// Copies the bytes in; the caller wipes its own copy.
    ///
    /// - Throws: `TrustError.libraryUnavailable`, or `TrustError.guardedMemoryUnavailable` when the system gives none.
    init(_ bytes: some Collection<UInt8>) throws(TrustError) {
        try Sodium.start()
        count = bytes.count
        guard let memory = unsafe sodium_malloc(count) else { throw .guardedMemoryUnavailable(byteCount: count) }
        unsafe start = memory
        for (offset, byte) in zip(0..<count, bytes) {
            unsafe memory.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        guard unsafe sodium_mprotect_readonly(memory) == 0 else {
            // The deinitialiser frees it: every stored property is set.
            throw .guardedMemoryUnavailable(byteCount: count)
        }
    }

    deinit {
        unsafe sodium_free(start)
    }

    /// Lends the bytes for the length of the call.
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Equality in a time that depends on the lengths only.
    func isEqual(_ other: GuardedBytes) -> Bool {
        guard count == other.count else { return false }
        return unsafe sodium_memcmp(start, other.start, count) == 0
    }
}
