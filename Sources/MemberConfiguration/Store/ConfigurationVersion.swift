// Which content a file has, so that who changes it can say what he has seen.
import OperatingSystem
import Trust

/// Tells one content of a configuration file from another.
///
/// It follows from the content alone, so that a file that was edited by hand has a new one too.
package struct ConfigurationVersion: Sendable, Hashable, CustomStringConvertible {
    /// 16 hexadecimal digits, or `absent`.
    package let description: String

    /// Of a file that is not there.
    package static let absent = ConfigurationVersion(text: "absent")

    /// Two contents of one file do not share so much of a hash by chance.
    private static let byteCount = 8

    /// - Parameter bytes: The whole file.
    package init(of bytes: some Collection<UInt8>) {
        description = HexText.encode(Array(Sodium.sha256(Array(bytes)).prefix(Self.byteCount)))
    }

    /// One that somebody was told.
    package init(text: String) { description = text }
}
