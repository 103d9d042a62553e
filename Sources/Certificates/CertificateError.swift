// Errors of making and reading certificates, with the words of OpenSSL's own error queue.

/// What went wrong with a certificate.
package enum CertificateError: Error, Equatable, Sendable {
    /// The common name is empty, longer than the 64 characters of X.520, or has control characters.
    case commonName(String)
    /// Not a DNS name: letters, digits, `-`, `_` and dots, at most 253 bytes; `*` only as the whole first label.
    case dnsName(String)
    /// Not an IPv4 or IPv6 address.
    case address(String)
    /// Neither names nor addresses: no client could check the certificate against anything.
    case noNames
    /// The validity in days is outside `1...SelfSignedCertificate.validDaysMax`.
    case validDays(Int)
    /// The text has no certificate in PEM form; `detail` is OpenSSL's error queue.
    case notPEM(detail: String)
    /// The text has no private key in PEM form, or one with a password; `detail` is OpenSSL's error queue.
    case notAKey(detail: String)
    /// A part of a certificate cannot be read.
    case field(String)
    /// A function of libcrypto failed; `detail` is OpenSSL's error queue.
    case library(function: String, detail: String)

    /// The error for a function that has just failed in this thread; empties OpenSSL's error queue.
    package static func failed(_ function: String) -> CertificateError {
        .library(function: function, detail: LibCryptoErrors.drain())
    }
}

extension CertificateError: CustomStringConvertible {
    /// What is wrong, with the text it was found in, and what to give instead, in one line.
    package var description: String {
        switch self {
        case .commonName(let name):
            "'\(name)' cannot be a certificate's common name; use 1 to 64 printable characters, such as the host's name"
        case .dnsName(let name):
            "'\(name)' is not a DNS name that a certificate can carry; use letters, digits, '-' and dots, such as "
                + "agent1.example.org (an international name in its xn-- form)"
        case .address(let address):
            "'\(address)' is not an IP address; write it like 192.0.2.7 or 2001:db8::7, without port and brackets"
        case .noNames:
            "a certificate needs at least one DNS name or IP address; give the one that other members connect to"
        case .validDays(let days):
            "a certificate cannot be valid for \(days) days; use 1 to \(SelfSignedCertificate.validDaysMax)"
        case .notPEM(let detail):
            "no certificate in PEM form found (\(detail)); the file must hold a block that starts with "
                + "-----BEGIN CERTIFICATE-----"
        case .notAKey(let detail):
            "no private key in PEM form found (\(detail)); the file must hold a block that starts with "
                + "-----BEGIN PRIVATE KEY-----, without a password"
        case .field(let field):
            "the certificate's \(field) cannot be read; make or order a new certificate"
        case .library(let function, let detail):
            "OpenSSL's \(function) failed: \(detail); check that OpenSSL 3 is installed whole"
        }
    }
}
