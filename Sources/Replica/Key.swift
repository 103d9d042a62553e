// The key of an entry: a byte string with its grammar, and the class of entry that its prefix stands for.

/// The key of an entry.
///
/// Keys are compared, hashed and ordered by their bytes, never as `String`: Swift holds composed and decomposed
/// letters equal, a replicated map must not.
package struct Key: Hashable, Sendable {
    /// Valid UTF-8, 1...480 bytes, in the grammar that `KeyClass` checks.
    package let bytes: [UInt8]

    /// Longest key in bytes. LMDB's own limit is 511.
    package static let byteCountMax = 480

    /// Checks the grammar.
    package init(_ bytes: [UInt8]) throws(ReplicaError) {
        _ = try unsafe KeyClass(of: bytes.span.bytes)
        self.bytes = bytes
    }

    /// A key from text, for example `config/motd`.
    package init(_ text: String) throws(ReplicaError) {
        try self.init(Array(text.utf8))
    }

    /// A key whose grammar was checked before, when its entry was admitted.
    package init(checked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The class that the prefix stands for.
    package var keyClass: KeyClass {
        // A `Key` exists only with a known prefix, whose first byte and length tell the class.
        (try? unsafe KeyClass(of: bytes.span.bytes)) ?? .data
    }
}

extension Key: Comparable {
    /// By bytes: the order of the map, of scans and of streams.
    package static func < (left: Key, right: Key) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension Key: CustomStringConvertible {
    /// The key as text. Control characters are not in it, for the grammar forbids them.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// What a key's prefix says of its entry: leases expire and are renewed by their owner, durable entries stay.
package enum KeyClass: UInt8, Sendable, CaseIterable {
    case server, login, session, reservation
    case config, data
    /// The record of a change of global configuration: a lease by its form, but a long one that nobody renews. It goes
    /// over links between full members alone.
    case audit

    /// The text before the first `/`.
    package var prefix: String {
        switch self {
        case .server: "server"
        case .login: "login"
        case .session: "session"
        case .reservation: "reservation"
        case .config: "config"
        case .data: "data"
        case .audit: "audit"
        }
    }

    /// Whether entries of this class expire unless their owner renews them.
    package var isLease: Bool { longestLeaseMilliseconds != nil }

    /// The longest lease of the classes whose owner renews them, in milliseconds.
    package static let leaseLongestMilliseconds: UInt64 = 120_000

    /// The longest lease of an audit entry: 400 days in milliseconds, so that every day of a year can be looked at.
    package static let auditLongestMilliseconds: UInt64 = 400 * 86_400_000

    /// The longest time from an entry's clock to its expiry, in milliseconds; nil for durable classes.
    package var longestLeaseMilliseconds: UInt64? {
        switch self {
        case .server, .login, .session, .reservation: Self.leaseLongestMilliseconds
        case .audit: Self.auditLongestMilliseconds
        case .config, .data: nil
        }
    }

    /// How long a tombstone of a lease outlives the longest lease it could shadow, in milliseconds.
    package static let tombstoneMarginMilliseconds: UInt64 = 120_000

    /// Whether a key, whose grammar was checked before, is that of an audit entry. This is asked for every entry that a
    /// member takes in, so it looks at one byte: no other prefix begins with an a.
    @inline(__always)
    package static func isAudit(_ key: RawSpan) -> Bool {
        key.byteCount > 0 && key.byte(at: 0) == UInt8(ascii: "a")
    }

    /// How long after its clock the entry of a lease leaves every map, in milliseconds. The key was checked before.
    @inline(__always)
    package static func keptMilliseconds(ofLease key: RawSpan) -> UInt64 {
        (isAudit(key) ? auditLongestMilliseconds : leaseLongestMilliseconds) + tombstoneMarginMilliseconds
    }

    /// The class of a key, after checking the whole grammar.
    package init(of key: RawSpan) throws(ReplicaError) {
        let count = key.byteCount
        guard count > 0, count <= Key.byteCountMax else { throw .keyLength(count) }
        guard let keyClass = Self.matching(key) else { throw .keyPrefix(Self.text(key)) }
        let rest = keyClass.prefix.utf8.count + 1
        try Self.checkCharacters(key)
        guard rest < count else { throw .keyParts(Self.text(key), expected: keyClass.grammar) }
        if keyClass.isLease {
            guard Self.partCount(key, from: rest) == keyClass.leaseParts else {
                throw .keyParts(Self.text(key), expected: keyClass.grammar)
            }
        }
        self = keyClass
    }

    /// The number of parts after the prefix of a lease.
    private var leaseParts: Int { self == .server ? 1 : 2 }

    /// The form of this class's keys, for messages.
    package var grammar: String {
        switch self {
        case .server: "server/<serverId>"
        case .login, .session: "\(prefix)/<serverId>/<\(prefix)Id>"
        case .reservation, .audit: "\(prefix)/<serverId>/<id>"
        case .config: "config/<name>"
        case .data: "data/<anything>"
        }
    }

    /// The byte range of the owner's server id in a lease's key, where the grammar was checked before.
    package func ownerRange(in key: RawSpan) -> Range<Int>? {
        guard isLease else { return nil }
        let start = prefix.utf8.count + 1
        var end = start
        while end < key.byteCount, key.byte(at: end) != UInt8(ascii: "/") { end += 1 }
        return start..<end
    }

    private static func matching(_ key: RawSpan) -> KeyClass? {
        allCases.first { keyClass in
            let prefix = keyClass.prefix.utf8
            guard key.byteCount > prefix.count, key.byte(at: prefix.count) == UInt8(ascii: "/") else { return false }
            return prefix.enumerated().allSatisfy { key.byte(at: $0.offset) == $0.element }
        }
    }

    /// Counts the parts from an offset; zero when one of them is empty.
    private static func partCount(_ key: RawSpan, from start: Int) -> Int {
        var parts = 1
        var partLength = 0
        for offset in start..<key.byteCount {
            if key.byte(at: offset) == UInt8(ascii: "/") {
                guard partLength > 0 else { return 0 }
                parts += 1
                partLength = 0
            } else {
                partLength += 1
            }
        }
        return partLength > 0 ? parts : 0
    }

    /// Refuses control characters, which no terminal or log should be handed, and bytes that are not UTF-8.
    private static func checkCharacters(_ key: RawSpan) throws(ReplicaError) {
        var isASCII = true
        for offset in 0..<key.byteCount {
            let byte = key.byte(at: offset)
            guard byte >= 0x20, byte != 0x7F else { throw .keyCharacter(text(key), byte: byte, offset: offset) }
            // U+0080 to U+009F, which terminals also obey.
            if byte < 0xA0, byte >= 0x80, offset > 0, key.byte(at: offset - 1) == 0xC2 {
                throw .keyCharacter(text(key), byte: byte, offset: offset)
            }
            isASCII = isASCII && byte < 0x80
        }
        if isASCII { return }
        let isValid = unsafe key.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) != nil }
        guard isValid else { throw .keyNotUTF8(text(key)) }
    }

    private static func text(_ key: RawSpan) -> String {
        unsafe key.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension RawSpan {
    /// One byte.
    @inline(__always)
    package func byte(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < byteCount)
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// A big-endian number of any width.
    @inline(__always)
    package func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: Number.Type) -> Number {
        precondition(offset >= 0 && offset + MemoryLayout<Number>.size <= byteCount)
        return Number(bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Number.self))
    }

    /// A copy.
    package func copy() -> [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0) }
    }
}
