// One cluster key: its secret, what it may be used for, and the keys derived from it for each purpose.

/// What a derived key is for. Each purpose has a key of its own, so a token made for one is worth nothing for another.
package enum KeyPurpose: String, Sendable, CaseIterable {
    /// Signs `MemberToken`s.
    case memberToken = "member-token"
    /// Proves the key in the handshake of a link: see `linkProof`.
    case linkProof = "link-proof"
    /// Signs `UserToken`s.
    case userToken = "user-token"
    /// Reserved: nothing is made with it yet.
    case linkToken = "link-token"
    /// Not a key but the public name of one: see `KeyID`.
    case keyID = "key-id"

    /// The message whose HMAC-SHA-256 code under the secret is the derived key.
    package var label: [UInt8] { Array("fastx/1/\(rawValue)".utf8) }
}

/// What a key's holders may do.
package enum KeyScope: String, Sendable, Codable, CaseIterable {
    /// A member that takes part in everything.
    case full
    /// A gateway, which writes entries of its own id only.
    case gateway
}

/// A shared secret with its id, its scope and its derived keys. All secrets in it lie in guarded memory.
package struct ClusterKey: Sendable {
    /// The key's public name, the same wherever the same secret is held.
    package let id: KeyID
    /// What its holders may do.
    package let scope: KeyScope
    /// The secret itself.
    package let secret: Secret

    private let memberTokenKey: Secret
    private let linkProofKey: Secret
    private let userTokenKey: Secret
    private let linkTokenKey: Secret
    private let keyIDKey: Secret

    /// Derives the keys of every purpose.
    ///
    /// - Throws: `TrustError.guardedMemoryUnavailable` when the system gives no memory for them.
    package init(secret: Secret, scope: KeyScope) throws(TrustError) {
        self.secret = secret
        self.scope = scope
        memberTokenKey = try Self.derive(.memberToken, from: secret)
        linkProofKey = try Self.derive(.linkProof, from: secret)
        userTokenKey = try Self.derive(.userToken, from: secret)
        linkTokenKey = try Self.derive(.linkToken, from: secret)
        keyIDKey = try Self.derive(.keyID, from: secret)
        id = KeyID(derivedFrom: unsafe keyIDKey.withBytes { unsafe [UInt8]($0.prefix(KeyID.byteCount)) })
    }

    private static func derive(_ purpose: KeyPurpose, from secret: Secret) throws(TrustError) -> Secret {
        var code = unsafe secret.withBytes { unsafe Sodium.hmacSHA256(key: $0, purpose.label) }
        defer { Sodium.wipe(&code) }
        return try Secret(code)
    }

    /// The derived key of a purpose: 32 bytes.
    package func derivedKey(_ purpose: KeyPurpose) -> Secret {
        switch purpose {
        case .memberToken: memberTokenKey
        case .linkProof: linkProofKey
        case .userToken: userTokenKey
        case .linkToken: linkTokenKey
        case .keyID: keyIDKey
        }
    }

    /// The HMAC-SHA-256 code (32 bytes) of `message` under the derived key of `purpose`.
    package func code(_ purpose: KeyPurpose, over message: [UInt8]) -> [UInt8] {
        unsafe derivedKey(purpose).withBytes { unsafe Sodium.hmacSHA256(key: $0, message) }
    }

    /// Whether `code` is the code of `message`, compared in constant time; false for a wrong length.
    package func verifies(code: [UInt8], _ purpose: KeyPurpose, over message: [UInt8]) -> Bool {
        Sodium.isEqual(code, self.code(purpose, over: message))
    }

    /// The 32 bytes that prove on a link that this end holds the key.
    package func linkProof(over message: [UInt8]) -> [UInt8] {
        code(.linkProof, over: message)
    }

    /// Whether the other end's proof is right, compared in constant time; false for a wrong length.
    package func verifies(linkProof: [UInt8], over message: [UInt8]) -> Bool {
        verifies(code: linkProof, .linkProof, over: message)
    }
}

extension ClusterKey: Equatable {
    /// The same secret in the same scope; the secrets are compared in constant time.
    package static func == (left: ClusterKey, right: ClusterKey) -> Bool {
        left.scope == right.scope && left.secret == right.secret
    }
}

extension ClusterKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The id and the scope, never the secret.
    package var description: String { "\(scope.rawValue) key \(id)" }
    /// The same as `description`.
    package var debugDescription: String { description }
    /// The id and the scope only.
    package var customMirror: Mirror { Mirror(self, children: ["id": id, "scope": scope]) }
}
