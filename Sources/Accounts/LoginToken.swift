// The secret that stands for a login: made once, given to the browser, and kept here as a hash only.
import OperatingSystem
import Trust

/// A user token as it stands in the cookie or after `Bearer`, with what is computed from it.
package struct LoginToken: Sendable {
    /// As it is sent: a secret, which never stands in a log.
    package let text: String
    /// SHA-256 of the text, 32 bytes: what is kept of it.
    package let hash: [UInt8]

    /// Nil where the text cannot be a token.
    package init?(_ text: some StringProtocol) {
        guard (1...UserToken.byteCountMax).contains(text.utf8.count) else { return nil }
        self.text = String(text)
        hash = Sodium.sha256(Array(text.utf8))
    }

    /// What a page has to send along with every change, and another site cannot know.
    package var csrfToken: String {
        let key = Array(text.utf8)
        return HexText.encode(
            unsafe key.withUnsafeBytes { unsafe Sodium.hmacSHA256(key: $0, Array("fastx/1/csrf".utf8)) })
    }
}
