// Makes a member's own certificate and private key.

/// Makes a certificate that signs itself: a new ECDSA P-256 key, X.509 version 3, for servers and clients of TLS.
///
/// It names nobody else as its issuer, so members trust it by proof over its bytes and not by a chain.
package enum SelfSignedCertificate {
    /// A hundred years; beyond that some readers of dates fail.
    package static let validDaysMax = 36_500
    /// The certificate starts this much in the past, so that a host whose clock is a little slow accepts it at once.
    package static let backdateSeconds = 3_600

    /// A new certificate and its key.
    ///
    /// - Parameters:
    ///   - commonName: subject and issuer, 1 to 64 characters.
    ///   - names: DNS names under which clients connect.
    ///   - addresses: IP addresses under which clients connect, as text.
    ///   - validDays: days from `now` until it expires, `1...validDaysMax`.
    ///   - now: seconds since 1970.
    /// - Returns: the certificate, and the key as PKCS#8 without a password: write it with mode 0600 only.
    package static func make(
        commonName: String, names: [String], addresses: [String], validDays: Int = 3650, now: Int64
    ) throws(CertificateError) -> (certificatePEM: [UInt8], privateKeyPEM: [UInt8]) {
        guard (1...validDaysMax).contains(validDays) else { throw .validDays(validDays) }
        let checked = try CertificateNames(commonName: commonName, dnsNames: names, addresses: addresses)
        _ = LibCryptoErrors.drain()
        let key = try PrivateKey()
        let certificate = try Certificate()
        try certificate.setVersion()
        try certificate.setRandomSerial()
        try certificate.setValidity(now: now, backdateSeconds: backdateSeconds, days: validDays)
        try certificate.setCommonName(checked.commonName)
        try certificate.setPublicKey(key)
        try certificate.addExtensions(subjectAltName: checked.extensionText)
        try certificate.sign(with: key)
        return (try certificate.pem(), try key.pem())
    }
}
