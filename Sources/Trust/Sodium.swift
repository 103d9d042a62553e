// Hashing, message authentication and constant-time comparison, all done by libsodium.
internal import CSodium

/// The only door to libsodium's hash functions. Everything here is synchronous and free of side effects.
package enum Sodium {
    /// The length of a SHA-256 digest and of an HMAC-SHA-256 code, in bytes.
    package static let digestByteCount = 32

    /// Runs once, however many threads ask; libsodium answers 0 the first time and 1 when another caller was first.
    private static let startStatus: Int32 = sodium_init()

    /// Starts libsodium. Cheap and harmless to call again.
    ///
    /// - Throws: `TrustError.libraryUnavailable` when libsodium could not start; nothing else here may be used then.
    package static func start() throws(TrustError) {
        guard startStatus >= 0 else { throw .libraryUnavailable }
    }

    /// The SHA-256 digest of `message`: 32 bytes.
    package static func sha256(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestByteCount)
        // Reports no failure: every input has a digest.
        _ = unsafe crypto_hash_sha256(&digest, message, UInt64(message.count))
        return digest
    }

    /// The HMAC-SHA-256 code (32 bytes) of the parts taken as one message.
    ///
    /// - Parameters:
    ///   - key: Of any length; the multi-part functions accept what the one-call function does not.
    ///   - parts: Simply joined, with nothing between them.
    package static func hmacSHA256(key: UnsafeRawBufferPointer, _ parts: [UInt8]...) -> [UInt8] {
        var state = crypto_auth_hmacsha256_state()
        var code = [UInt8](repeating: 0, count: digestByteCount)
        if let start = unsafe key.assumingMemoryBound(to: UInt8.self).baseAddress {
            _ = unsafe crypto_auth_hmacsha256_init(&state, start, key.count)
        } else {
            _ = unsafe crypto_auth_hmacsha256_init(&state, [], 0)
        }
        for part in parts {
            _ = unsafe crypto_auth_hmacsha256_update(&state, part, UInt64(part.count))
        }
        _ = unsafe crypto_auth_hmacsha256_final(&state, &code)
        // The state holds the padded key's hash, which would serve as well as the key.
        unsafe sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
        return code
    }

    /// Whether two byte strings are equal, in a time that depends on their lengths only.
    package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe sodium_memcmp(left, right, left.count) == 0
    }

    /// Overwrites an array that held something secret.
    static func wipe(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            unsafe sodium_memzero(start, buffer.count)
        }
    }
}
