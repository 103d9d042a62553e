// One number that stands for everything that happened in a run: two runs alike have the same.
package import NIOCore

/// A running hash of events, each mixed in after the ones before it.
package struct TraceHash: Sendable, Hashable {
    package private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    package init() {}

    @inline(__always)
    package mutating func mix(_ number: UInt64) {
        let product = (value ^ number).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        value = product.high ^ product.low &+ 0x2545_F491_4F6C_DD1D
    }

    /// Mixes in the length and every byte.
    package mutating func mix(_ bytes: ByteBuffer) {
        mix(UInt64(bytes.readableBytes))
        unsafe bytes.withUnsafeReadableBytes { buffer in
            var offset = 0
            while offset + 8 <= buffer.count {
                mix(unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            var rest: UInt64 = 0
            while offset < buffer.count {
                rest = rest << 8 | UInt64(unsafe buffer[offset])
                offset += 1
            }
            mix(rest)
        }
    }

    /// 16 lowercase hex digits.
    package var hex: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
