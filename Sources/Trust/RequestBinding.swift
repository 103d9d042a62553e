// What a member token is tied to, so that it is worth nothing for another request or at another member.

/// One request as the sender and the receiver each see it.
package struct RequestBinding: Sendable, Equatable {
    /// The HTTP method, as sent.
    package var method: String
    /// The request target's path with its query, as sent. Compared byte by byte.
    package var path: String
    /// SHA-256 of the body, 32 bytes; of no bytes when there is no body.
    package var bodySHA256: [UInt8]
    /// SHA-256 of the receiver's certificate in DER form, 32 bytes; nil where a proxy ends TLS and the link is unbound.
    package var certificateSHA256: [UInt8]?

    /// From digests that the caller has computed.
    package init(method: String, path: String, bodySHA256: [UInt8], certificateSHA256: [UInt8]?) {
        self.method = method
        self.path = path
        self.bodySHA256 = bodySHA256
        self.certificateSHA256 = certificateSHA256
    }

    /// Digests the body itself.
    package init(method: String, path: String, body: [UInt8] = [], certificateSHA256: [UInt8]?) {
        self.init(
            method: method, path: path, bodySHA256: Sodium.sha256(body), certificateSHA256: certificateSHA256)
    }

    /// - Throws: `TrustError.digestLength` unless every digest has 32 bytes.
    func checkDigests() throws(TrustError) {
        for digest in [bodySHA256, certificateSHA256 ?? bodySHA256] where digest.count != Sodium.digestByteCount {
            throw .digestLength(byteCount: digest.count)
        }
    }
}
