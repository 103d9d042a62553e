// Role: reads what the daemon says about a certificate: its names and when it expires.
internal import COpenSSL
internal import Glibc

/// Facts of one certificate.
struct CertificateInfo: Equatable, Sendable {
    /// The subject's common name; `nil` when it has none.
    let commonName: String?
    /// The DNS names of the subjectAltName extension, in its order.
    let dnsNames: [String]
    /// The IP addresses of the subjectAltName extension, in its order, as text.
    let addresses: [String]
    /// First moment of validity, seconds since 1970.
    let notBefore: Int64
    /// Last moment of validity, seconds since 1970.
    let notAfter: Int64
    /// Length of its binary form (DER), in bytes.
    let derBytes: Int

    /// Reads the first certificate of a PEM text, which is the member's own one where a chain follows.
    init(pem: [UInt8]) throws(CertificateError) {
        _ = OpenSSLErrors.drain()
        guard pem.count <= Int(CInt.max) else { throw .notPEM(detail: "\(pem.count) bytes are too many") }
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { throw .failed("BIO_new") }
        defer { unsafe BIO_free(bio) }
        let written = unsafe BIO_write(bio, pem, CInt(pem.count))
        guard pem.isEmpty || written == CInt(pem.count) else { throw .failed("BIO_write") }
        // Without a callback of ours OpenSSL would ask for a password on the terminal.
        guard let certificate = unsafe PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) else {
            throw .notPEM(detail: OpenSSLErrors.drain())
        }
        defer { unsafe X509_free(certificate) }

        commonName = unsafe try Self.commonName(of: certificate)
        (dnsNames, addresses) = unsafe try Self.alternativeNames(of: certificate)
        notBefore = unsafe try Self.seconds(X509_get0_notBefore(certificate), field: "notBefore")
        notAfter = unsafe try Self.seconds(X509_get0_notAfter(certificate), field: "notAfter")
        derBytes = Int(unsafe i2d_X509(certificate, nil))
        guard derBytes > 0 else { throw .failed("i2d_X509") }
    }

    /// Whole days from `now` (seconds since 1970) until it expires; negative when it has expired.
    func daysLeft(now: Int64) -> Int64 {
        let seconds = notAfter - now
        return seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
    }

    private static func commonName(of certificate: OpaquePointer) throws(CertificateError) -> String? {
        let name = unsafe X509_get_subject_name(certificate)
        let index = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0 else { return nil }
        let value = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index))
        var text: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&text, value)
        guard count >= 0, let start = unsafe text else { throw .field("common name") }
        defer { unsafe CRYPTO_free(start, #fileID, #line) }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// Names of other kinds (mail, URI) are left out.
    private static func alternativeNames(
        of certificate: OpaquePointer
    ) throws(CertificateError) -> (dnsNames: [String], addresses: [String]) {
        var critical: CInt = 0
        guard let found = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nil) else {
            // -1 means that there is no such extension; everything else that it cannot be read.
            guard critical == -1 else { throw .field("subjectAltName") }
            return ([], [])
        }
        let names = OpaquePointer(found)
        defer { unsafe GENERAL_NAMES_free(names) }
        var dnsNames: [String] = []
        var addresses: [String] = []
        for index in 0..<(unsafe OPENSSL_sk_num(names)) {
            guard let name = unsafe OPENSSL_sk_value(names, index) else { continue }
            var kind: CInt = 0
            let value = unsafe GENERAL_NAME_get0_value(name.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard kind == GEN_DNS || kind == GEN_IPADD, let value = unsafe value else { continue }
            let bytes = unsafe bytes(of: UnsafePointer(value.assumingMemoryBound(to: ASN1_STRING.self)))
            if kind == GEN_DNS {
                dnsNames.append(String(decoding: bytes, as: UTF8.self))
            } else {
                guard let text = CertificateNames.text(ofAddress: bytes) else { throw .field("subjectAltName") }
                addresses.append(text)
            }
        }
        return (dnsNames, addresses)
    }

    private static func bytes(of string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        let count = Int(unsafe ASN1_STRING_length(string))
        return unsafe Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: count))
    }

    private static func seconds(
        _ time: UnsafePointer<ASN1_TIME>?, field: String
    ) throws(CertificateError) -> Int64 {
        var broken = unsafe tm()
        guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &broken) == 1 else { throw .field(field) }
        return Int64(unsafe timegm(&broken))
    }
}
