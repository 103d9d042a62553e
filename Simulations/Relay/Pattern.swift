// The bytes that users and members send: each tells whose it is and where it belongs.
import SimulatedWorld

/// Bytes of one exchange in one direction, by their offset.
struct Pattern {
    private let seed: UInt64

    init(exchange: UInt64, user: UInt32, _ direction: Direction) {
        var generator = SplitMix64(seed: exchange << 34 ^ UInt64(user) << 2 ^ UInt64(direction.rawValue))
        seed = generator.next()
    }

    /// Some stretches are all of one value, as pictures are.
    func byte(at offset: Int) -> UInt8 {
        if (seed >> UInt64(offset >> 16 & 63)) & 3 == 0 { return 0xFF }
        let mixed = (seed ^ UInt64(offset >> 3)) &* 0xBF58_476D_1CE4_E5B9
        return UInt8(truncatingIfNeeded: mixed >> (UInt64(offset & 7) * 8))
    }

    func bytes(_ range: Range<Int>) -> [UInt8] { range.map { byte(at: $0) } }

    /// The first offset at which other bytes came than should have.
    func mismatch(_ bytes: some Collection<UInt8>, at offset: Int) -> Int? {
        var position = offset
        for byte in bytes {
            if byte != self.byte(at: position) { return position }
            position += 1
        }
        return nil
    }
}

/// What stands before everything that a user sends, and before what a member answers.
struct Head: Equatable {
    enum Kind: UInt8 {
        case request = 1
        case display, answer
    }

    let kind: Kind
    let exchange: UInt64
    let user: UInt32
    let count: Int

    static let byteCount = 17

    var bytes: [UInt8] {
        var bytes = [kind.rawValue]
        for (number, byteCount) in [(exchange, 8), (UInt64(user), 4), (UInt64(count), 4)] {
            bytes += (0..<byteCount).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
        }
        return bytes
    }
}

extension Head {
    /// Nil where the bytes are no head.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.byteCount, let kind = bytes.first.flatMap(Kind.init) else { return nil }
        func number(_ from: Int, _ count: Int) -> UInt64 {
            bytes.dropFirst(from).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(
            kind: kind, exchange: number(1, 8), user: UInt32(truncatingIfNeeded: number(9, 4)),
            count: Int(number(13, 4)))
    }
}
