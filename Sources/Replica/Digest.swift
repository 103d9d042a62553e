// The identity of an entry's content, and the sum of them that stands for a whole map.
import CSodium

/// BLAKE2b-128 of an entry in its encoded form (key, version, expiry, kind, value).
package struct Digest: Hashable, Comparable, Sendable {
    /// The 16 bytes as a number, most significant first.
    package let value: UInt128

    /// Of a number that was computed elsewhere.
    package init(value: UInt128) { self.value = value }

    /// 16 bytes, most significant first.
    package static let byteCount = 16

    /// The digest of one encoded entry.
    @inline(__always)
    package init(ofEncoded entry: RawSpan) {
        var output: (UInt64, UInt64) = (0, 0)
        unsafe withUnsafeMutablePointer(to: &output) { output in
            unsafe output.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount) { output in
                unsafe entry.withUnsafeBytes { input in
                    // Fails only for an output length out of range, and this one is a constant.
                    _ = unsafe crypto_generichash_blake2b(
                        output, Self.byteCount, input.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        UInt64(input.count), nil, 0)
                }
            }
        }
        value = UInt128(UInt64(bigEndian: output.0)) << 64 | UInt128(UInt64(bigEndian: output.1))
    }

    /// The item id that sketches work on: the first 64 bits.
    @inline(__always)
    package var itemID: UInt64 { UInt64(truncatingIfNeeded: value >> 64) }

    /// By number. It means nothing, but every member agrees on it.
    package static func < (left: Digest, right: Digest) -> Bool { left.value < right.value }
}

/// The sum of the digests of a set of entries modulo 2^128.
///
/// A sum, never XOR: with XOR whoever can choose entries can find a set that cancels out.
package struct Fingerprint: Hashable, Sendable {
    /// The sum; zero for no entries.
    package private(set) var value: UInt128

    /// Of a sum that was computed elsewhere; without one, that of no entries.
    package init(value: UInt128 = 0) { self.value = value }

    /// Puts an entry in. The order does not matter; one that is in already counts twice.
    package mutating func add(_ digest: Digest) { value &+= digest.value }
    /// Takes an entry out again. Whether it was in is not known here.
    package mutating func remove(_ digest: Digest) { value &-= digest.value }
    /// Takes out all entries of another set, which were in.
    package mutating func remove(_ others: Fingerprint) { value &-= others.value }

    /// 32 lowercase hex digits.
    package var hex: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
