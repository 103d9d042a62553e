// Codes are kept and compared as hashes, so that neither memory nor time gives one away.
import Trust

/// What is kept of a code or a ticket.
package enum CodeHash {
    /// SHA-256, 32 bytes.
    package static func of(_ code: String) -> [UInt8] { Sodium.sha256(Array(code.utf8)) }
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { Sodium.isEqual(left, right) }
}
