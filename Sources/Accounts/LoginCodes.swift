// Codes by which the agent's own user logs in from his terminal, as a value.
import OperatingSystem

/// Codes that log in once.
package struct LoginCodes {
    private var codes: [(hash: [UInt8], made: ContinuousClock.Instant)] = []

    /// From the making of a code to its use.
    static let lifetime: Duration = .seconds(600)
    private static let countMax = 20
    private static let byteCount = 16

    /// No codes yet.
    package init() {}

    /// A new code of 32 hexadecimal digits. Where there are 20 unused ones, the oldest goes.
    package mutating func make(at now: ContinuousClock.Instant) -> String {
        let code = HexText.encode(RandomBytes.make(Self.byteCount))
        codes.append((CodeHash.of(code), now))
        if codes.count > Self.countMax { codes.removeFirst() }
        return code
    }

    /// Whether the code is right; it is used up then.
    package mutating func use(_ code: String, at now: ContinuousClock.Instant) -> Bool {
        codes.removeAll { now - $0.made >= Self.lifetime }
        let hash = CodeHash.of(code)
        guard let place = codes.firstIndex(where: { CodeHash.areEqual($0.hash, hash) }) else { return false }
        codes.remove(at: place)
        return true
    }
}
