// Role: makes a member's own certificate and private key with libcrypto.
internal import COpenSSL
internal import Glibc

/// Makes a certificate that signs itself: a new ECDSA P-256 key, X.509 version 3, for servers and clients of TLS.
///
/// It names nobody else as its issuer, so members trust it by proof over its bytes and not by a chain.
enum SelfSignedCertificate {
    /// A hundred years; beyond that some readers of dates fail.
    static let validDaysMax = 36_500
    /// The certificate starts this much in the past, so that a host whose clock is a little slow accepts it at once.
    static let backdateSeconds = 3_600

    /// A new certificate and its key.
    ///
    /// - Parameters:
    ///   - commonName: subject and issuer, 1 to 64 characters.
    ///   - names: DNS names under which clients connect.
    ///   - addresses: IP addresses under which clients connect, as text.
    ///   - validDays: days from `now` until it expires, `1...validDaysMax`.
    ///   - now: seconds since 1970.
    /// - Returns: the certificate, and the key as PKCS#8 without a password: write it with mode 0600 only.
    static func make(
        commonName: String, names: [String], addresses: [String], validDays: Int = 3650, now: Int64
    ) throws(CertificateError) -> (certificatePEM: [UInt8], privateKeyPEM: [UInt8]) {
        guard (1...validDaysMax).contains(validDays) else { throw .validDays(validDays) }
        let checked = try CertificateNames(commonName: commonName, dnsNames: names, addresses: addresses)
        _ = OpenSSLErrors.drain()

        let key = unsafe try makeKey()
        defer { unsafe EVP_PKEY_free(key) }
        guard let certificate = unsafe X509_new() else { throw .failed("X509_new") }
        defer { unsafe X509_free(certificate) }

        // Versions count from 0, so 2 means version 3.
        try check(unsafe X509_set_version(certificate, 2), "X509_set_version")
        unsafe try setSerial(certificate)
        unsafe try setValidity(certificate, now: now, days: validDays)
        unsafe try setSubject(certificate, commonName: checked.commonName)
        try check(unsafe X509_set_pubkey(certificate, key), "X509_set_pubkey")
        unsafe try addExtensions(certificate, names: checked)
        // The result is the signature's length in bytes.
        try check(unsafe X509_sign(certificate, key, EVP_sha256()), "X509_sign")

        let certificatePEM = unsafe try pem("PEM_write_bio_X509") { bio in
            unsafe PEM_write_bio_X509(bio, certificate)
        }
        let privateKeyPEM = unsafe try pem("PEM_write_bio_PKCS8PrivateKey") { bio in
            unsafe PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil)
        }
        return (certificatePEM, privateKeyPEM)
    }

    /// Most functions of libcrypto give a positive number for success.
    private static func check(_ result: CInt, _ function: String) throws(CertificateError) {
        guard result > 0 else { throw .failed(function) }
    }

    /// A new key on the curve P-256; the caller frees it.
    private static func makeKey() throws(CertificateError) -> OpaquePointer {
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw .failed("EVP_PKEY_CTX_new_id") }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try check(unsafe EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        try check(
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1),
            "EVP_PKEY_CTX_set_ec_paramgen_curve_nid")
        var key: OpaquePointer?
        try check(unsafe EVP_PKEY_keygen(context, &key), "EVP_PKEY_keygen")
        guard let key = unsafe key else { throw .failed("EVP_PKEY_keygen") }
        return unsafe key
    }

    /// 128 random bits. The chance that they are all zero, which a serial must not be, is one in 2^128.
    private static func setSerial(_ certificate: OpaquePointer) throws(CertificateError) {
        guard let number = unsafe BN_new() else { throw .failed("BN_new") }
        defer { unsafe BN_free(number) }
        try check(unsafe BN_rand(number, 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), "BN_rand")
        guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw .failed("BN_to_ASN1_INTEGER")
        }
    }

    private static func setValidity(
        _ certificate: OpaquePointer, now: Int64, days: Int
    ) throws(CertificateError) {
        var base = time_t(now)
        guard
            unsafe X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -backdateSeconds, &base) != nil,
            unsafe X509_time_adj_ex(X509_getm_notAfter(certificate), CInt(days), 0, &base) != nil
        else { throw .failed("X509_time_adj_ex") }
    }

    private static func setSubject(
        _ certificate: OpaquePointer, commonName: String
    ) throws(CertificateError) {
        guard let name = unsafe X509_NAME_new() else { throw .failed("X509_NAME_new") }
        defer { unsafe X509_NAME_free(name) }
        let text = Array(commonName.utf8)
        try check(
            unsafe X509_NAME_add_entry_by_NID(
                name, NID_commonName, MBSTRING_FLAG, text, CInt(text.count), -1, 0),
            "X509_NAME_add_entry_by_NID")
        // Both calls copy the name.
        try check(unsafe X509_set_subject_name(certificate, name), "X509_set_subject_name")
        try check(unsafe X509_set_issuer_name(certificate, name), "X509_set_issuer_name")
    }

    /// Needs the public key in place, of which the subjectKeyIdentifier is a hash.
    private static func addExtensions(
        _ certificate: OpaquePointer, names: CertificateNames
    ) throws(CertificateError) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        let extensions: [(identifier: CInt, value: String)] = [
            // No key usage: a certificate that an administrator trusts by itself has to pass as its own issuer.
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_ext_key_usage, "serverAuth,clientAuth"),
            (NID_subject_alt_name, names.extensionText),
            (NID_subject_key_identifier, "hash"),
        ]
        for (identifier, value) in extensions {
            guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw .failed("X509V3_EXT_conf_nid(\(value))")
            }
            defer { unsafe X509_EXTENSION_free(made) }
            try check(unsafe X509_add_ext(certificate, made, -1), "X509_add_ext")
        }
    }

    /// What `write` puts into a buffer of OpenSSL's, which overwrites that buffer when it is freed.
    private static func pem(
        _ function: String, write: (OpaquePointer) -> CInt
    ) throws(CertificateError) -> [UInt8] {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { throw .failed("BIO_new") }
        defer { unsafe BIO_free(bio) }
        try check(unsafe write(bio), function)
        let count = unsafe BIO_ctrl_pending(bio)
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe BIO_read(bio, &bytes, CInt(count)) == CInt(count) else { throw .failed("BIO_read") }
        return bytes
    }
}
