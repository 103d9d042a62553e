// The secret by which X clients prove that they belong to a session, in the format of Xauthority files.

/// A file with one MIT-MAGIC-COOKIE-1.
package struct XAuthority: Sendable {
    private let cookie: [UInt8]

    private static let familyLocal: UInt16 = 256
    private static let familyWild: UInt16 = 65_535
    private static let method = "MIT-MAGIC-COOKIE-1"

    /// A new random cookie of 128 bits.
    package init() {
        cookie = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    }

    /// For the server before it has a number: an entry for every display of every host.
    package func fileForServer() -> [UInt8] {
        entry(Self.familyWild, address: "", display: "")
    }

    /// For clients, which look for their display's number: by host name as `xauth` does, then by any name.
    package func fileForClients(display: String, hostName: String) -> [UInt8] {
        entry(Self.familyLocal, address: hostName, display: display)
            + entry(Self.familyWild, address: "", display: display)
    }

    /// Numbers are of 16 bits, the high byte first; texts follow their lengths.
    private func entry(_ family: UInt16, address: String, display: String) -> [UInt8] {
        [UInt8(family >> 8), UInt8(family & 0xFF)] + Self.counted(Array(address.utf8))
            + Self.counted(Array(display.utf8))
            + Self.counted(Array(Self.method.utf8)) + Self.counted(cookie)
    }

    private static func counted(_ bytes: [UInt8]) -> [UInt8] {
        let kept = bytes.prefix(Int(UInt16.max))
        return [UInt8(kept.count >> 8), UInt8(kept.count & 0xFF)] + kept
    }
}
