// Reads what is said of a certificate: its names, when it expires, and whether a key is its own.

/// Facts of one certificate.
package struct CertificateInfo: Equatable, Sendable {
    /// The subject's common name; `nil` when it has none.
    package let commonName: String?
    /// The DNS names of the subjectAltName extension, in its order.
    package let dnsNames: [String]
    /// The IP addresses of the subjectAltName extension, in its order, as text.
    package let addresses: [String]
    /// First moment of validity, seconds since 1970.
    package let notBefore: Int64
    /// Last moment of validity, seconds since 1970.
    package let notAfter: Int64
    /// Length of its binary form (DER), in bytes.
    package let derBytes: Int

    /// Reads the first certificate of a PEM text, which is the member's own one where a chain follows.
    package init(pem: [UInt8]) throws(CertificateError) {
        let certificate = try Certificate(pem: pem)
        commonName = try certificate.commonName()
        let names = try certificate.alternativeNames()
        dnsNames = names.dnsNames
        var addresses: [String] = []
        for bytes in names.addresses {
            guard let text = CertificateNames.text(ofAddress: bytes) else { throw .field("subjectAltName") }
            addresses.append(text)
        }
        self.addresses = addresses
        (notBefore, notAfter) = try certificate.validity()
        derBytes = try certificate.byteCount()
    }

    /// Whole days from `now` (seconds since 1970) until it expires; negative when it has expired.
    package func daysLeft(now: Int64) -> Int64 {
        let seconds = notAfter - now
        return seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
    }

    /// Whether the first key of a PEM text is the one that the first certificate of another one is for.
    package static func matches(certificatePEM: [UInt8], privateKeyPEM: [UInt8]) throws(CertificateError) -> Bool {
        try Certificate(pem: certificatePEM).belongs(to: try PrivateKey(pem: privateKeyPEM))
    }
}
