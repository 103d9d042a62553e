// A shared secret: how long it may be, how it is read from text, and how it stays out of every printout.

/// A secret of 32 to 1,024 bytes in guarded memory. Copies share the memory, which is wiped with the last of them.
package struct Secret: Sendable {
    /// Shorter secrets are refused: 32 bytes is the strength of the MAC itself.
    package static let byteCountMin = 32
    /// Longer ones are refused: they add nothing and are most likely the wrong file.
    package static let byteCountMax = 1_024
    /// The longest text `parse` looks at: the hexadecimal form of the longest secret and a line end.
    static let textByteCountMax = byteCountMax * 2 + 2

    private let storage: GuardedBytes

    /// Takes a copy into guarded memory; the caller wipes its own.
    ///
    /// - Throws: `TrustError.secretTooShort`, `.secretTooLong`, `.guardedMemoryUnavailable` or `.libraryUnavailable`.
    package init(_ bytes: some Collection<UInt8>) throws(TrustError) {
        guard bytes.count >= Self.byteCountMin else { throw .secretTooShort(byteCount: bytes.count) }
        guard bytes.count <= Self.byteCountMax else { throw .secretTooLong(byteCount: bytes.count) }
        storage = try GuardedBytes(bytes)
    }

    /// Reads a secret from one line of text; a line end after it is allowed, any other white space is not.
    ///
    /// Nothing but hexadecimal digits means hexadecimal; everything else is base64 of the standard or the URL alphabet,
    /// with or without padding. Temporary copies are wiped, the text itself belongs to the caller.
    ///
    /// - Throws: `TrustError.secretSeveralLines`, `.secretOddHex`, `.secretNotText`, and what `init` throws.
    package static func parse(_ text: String) throws(TrustError) -> Secret {
        guard text.utf8.count <= textByteCountMax else { throw .secretTooLong(byteCount: text.utf8.count / 2) }
        var line = Array(text.utf8)
        defer { Sodium.wipe(&line) }
        var lineByteCount = line.count
        if lineByteCount > 0, line[lineByteCount - 1] == UInt8(ascii: "\n") { lineByteCount -= 1 }
        if lineByteCount < line.count, lineByteCount > 0, line[lineByteCount - 1] == UInt8(ascii: "\r") {
            lineByteCount -= 1
        }
        var letters = Array(line[..<lineByteCount])
        defer { Sodium.wipe(&letters) }
        guard !letters.contains(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) else {
            throw .secretSeveralLines
        }
        var bytes = try decode(letters)
        defer { Sodium.wipe(&bytes) }
        return try Secret(bytes)
    }

    private static func decode(_ letters: [UInt8]) throws(TrustError) -> [UInt8] {
        if letters.allSatisfy(ByteText.isHexDigit) {
            guard let bytes = ByteText.bytes(hex: letters) else { throw .secretOddHex(digitCount: letters.count) }
            return bytes
        }
        for variant in ByteText.Base64Variant.allCases {
            if let bytes = ByteText.bytes(base64: letters, variant) { return bytes }
        }
        throw .secretNotText
    }

    /// Lends the bytes for the length of the call. The pointer must not outlive it, nor the bytes be copied elsewhere.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe storage.withBytes(body)
    }

    /// The secret as padded base64 of the standard alphabet, which `parse` reads back. Only for writing the key file:
    /// the text lies in ordinary memory.
    package func encodedText() -> String {
        var bytes = unsafe withBytes { unsafe [UInt8]($0) }
        defer { Sodium.wipe(&bytes) }
        return ByteText.base64(bytes, .standard)
    }
}

extension Secret: Equatable {
    /// In a time that depends on the lengths only.
    package static func == (left: Secret, right: Secret) -> Bool {
        left.storage.isEqual(right.storage)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The length, never the content.
    package var description: String { "secret of \(storage.count) bytes" }
    /// The same as `description`.
    package var debugDescription: String { description }
    /// Without children, so that `dump` finds nothing.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
