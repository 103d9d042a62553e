// What a map is known by: the states that an image may hold are compared by it.
package import Replica

/// How many entries a map has, what they add up to, and how many records this member keeps for itself.
package struct MapState: Sendable, Hashable {
    package var entryCount: Int
    package var fingerprint: Fingerprint
    package var localCount: Int

    package init(entryCount: Int = 0, fingerprint: Fingerprint = Fingerprint(), localCount: Int = 0) {
        self.entryCount = entryCount
        self.fingerprint = fingerprint
        self.localCount = localCount
    }

    /// Reads three words: entry count, fingerprint in hexadecimal digits, local count.
    package init?(words: some Collection<Substring>) {
        let words = Array(words)
        guard words.count == 3, let entryCount = Int(words[0]), let localCount = Int(words[2]) else { return nil }
        guard let fingerprint = UInt128(words[1], radix: 16) else { return nil }
        self.init(entryCount: entryCount, fingerprint: Fingerprint(value: fingerprint), localCount: localCount)
    }

    /// The same three words.
    package var words: String { "\(entryCount) \(fingerprint.hex) \(localCount)" }
}

extension MapState: CustomStringConvertible {
    package var description: String {
        "\(entryCount) entries of fingerprint \(fingerprint.hex.prefix(8)) and \(localCount) local records"
    }
}
