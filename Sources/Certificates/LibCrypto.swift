// The objects of libcrypto that certificates are made of, each freed by its owner; no pointer leaves this file.
import COpenSSL
import Glibc

/// A private key.
@safe
struct PrivateKey: ~Copyable {
    fileprivate let pointer: OpaquePointer

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// A new key on the curve P-256.
    init() throws(CertificateError) {
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw .failed("EVP_PKEY_CTX_new_id") }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try check(unsafe EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        try check(
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1),
            "EVP_PKEY_CTX_set_ec_paramgen_curve_nid")
        var key: OpaquePointer?
        try check(unsafe EVP_PKEY_keygen(context, &key), "EVP_PKEY_keygen")
        guard let key = unsafe key else { throw .failed("EVP_PKEY_keygen") }
        unsafe pointer = key
    }

    /// The first key of a PEM text, of any kind that libcrypto knows, without a password.
    init(pem: [UInt8]) throws(CertificateError) {
        let buffer = try MemoryBuffer.holding(pem)
        // Without a callback of ours libcrypto would ask for a password on the terminal.
        guard let key = unsafe PEM_read_bio_PrivateKey(buffer.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw .notAKey(detail: LibCryptoErrors.drain())
        }
        unsafe pointer = key
    }

    /// As PKCS#8, without a password.
    func pem() throws(CertificateError) -> [UInt8] {
        let buffer = try MemoryBuffer()
        try check(
            unsafe PEM_write_bio_PKCS8PrivateKey(buffer.pointer, pointer, nil, nil, 0, nil, nil),
            "PEM_write_bio_PKCS8PrivateKey")
        return try buffer.bytes()
    }
}

/// An X.509 certificate.
@safe
struct Certificate: ~Copyable {
    private let pointer: OpaquePointer

    deinit { unsafe X509_free(pointer) }

    /// An empty one.
    init() throws(CertificateError) {
        guard let certificate = unsafe X509_new() else { throw .failed("X509_new") }
        unsafe pointer = certificate
    }

    /// The first certificate of a PEM text.
    init(pem: [UInt8]) throws(CertificateError) {
        let buffer = try MemoryBuffer.holding(pem)
        guard let certificate = unsafe PEM_read_bio_X509(buffer.pointer, nil, { _, _, _, _ in -1 }, nil) else {
            throw .notPEM(detail: LibCryptoErrors.drain())
        }
        unsafe pointer = certificate
    }

    func pem() throws(CertificateError) -> [UInt8] {
        let buffer = try MemoryBuffer()
        try check(unsafe PEM_write_bio_X509(buffer.pointer, pointer), "PEM_write_bio_X509")
        return try buffer.bytes()
    }

    // MARK: Making

    /// Makes it one of version 3, the only one with extensions.
    func setVersion() throws(CertificateError) {
        // Versions count from 0.
        try check(unsafe X509_set_version(pointer, 2), "X509_set_version")
    }

    /// 128 random bits. The chance that they are all zero, which a serial must not be, is one in 2^128.
    func setRandomSerial() throws(CertificateError) {
        guard let number = unsafe BN_new() else { throw .failed("BN_new") }
        defer { unsafe BN_free(number) }
        try check(unsafe BN_rand(number, 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), "BN_rand")
        guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(pointer)) != nil else {
            throw .failed("BN_to_ASN1_INTEGER")
        }
    }

    /// - Parameter now: Seconds since 1970.
    func setValidity(now: Int64, backdateSeconds: Int, days: Int) throws(CertificateError) {
        var base = time_t(now)
        guard
            unsafe X509_time_adj_ex(X509_getm_notBefore(pointer), 0, -backdateSeconds, &base) != nil,
            unsafe X509_time_adj_ex(X509_getm_notAfter(pointer), CInt(days), 0, &base) != nil
        else { throw .failed("X509_time_adj_ex") }
    }

    /// Makes the name that of the subject and of the issuer.
    func setCommonName(_ commonName: String) throws(CertificateError) {
        guard let name = unsafe X509_NAME_new() else { throw .failed("X509_NAME_new") }
        defer { unsafe X509_NAME_free(name) }
        let text = Array(commonName.utf8)
        try check(
            unsafe X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_FLAG, text, CInt(text.count), -1, 0),
            "X509_NAME_add_entry_by_NID")
        // Both calls copy the name.
        try check(unsafe X509_set_subject_name(pointer, name), "X509_set_subject_name")
        try check(unsafe X509_set_issuer_name(pointer, name), "X509_set_issuer_name")
    }

    /// Has to come before the extensions: the subjectKeyIdentifier is a hash of it.
    func setPublicKey(_ key: borrowing PrivateKey) throws(CertificateError) {
        try check(unsafe X509_set_pubkey(pointer, key.pointer), "X509_set_pubkey")
    }

    /// The extensions of a server and client of TLS with some names, in libcrypto's notation for them.
    func addExtensions(subjectAltName: String) throws(CertificateError) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, pointer, pointer, nil, nil, 0)
        let extensions: [(identifier: CInt, value: String)] = [
            // No key usage: a certificate that an administrator trusts by itself has to pass as its own issuer.
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_ext_key_usage, "serverAuth,clientAuth"),
            (NID_subject_alt_name, subjectAltName),
            (NID_subject_key_identifier, "hash"),
        ]
        for (identifier, value) in extensions {
            guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw .failed("X509V3_EXT_conf_nid(\(value))")
            }
            defer { unsafe X509_EXTENSION_free(made) }
            try check(unsafe X509_add_ext(pointer, made, -1), "X509_add_ext")
        }
    }

    func sign(with key: borrowing PrivateKey) throws(CertificateError) {
        // The result is the signature's length in bytes.
        try check(unsafe X509_sign(pointer, key.pointer, EVP_sha256()), "X509_sign")
    }

    // MARK: Reading

    /// Whether the key is the one that the certificate is for.
    func belongs(to key: borrowing PrivateKey) -> Bool {
        let answer = unsafe X509_check_private_key(pointer, key.pointer) == 1
        // A key that does not fit is an answer here, and no error to be told of later.
        if !answer { _ = LibCryptoErrors.drain() }
        return answer
    }

    /// Length of the binary form (DER), in bytes.
    func byteCount() throws(CertificateError) -> Int {
        let count = Int(unsafe i2d_X509(pointer, nil))
        guard count > 0 else { throw .failed("i2d_X509") }
        return count
    }

    /// First and last moment of validity, seconds since 1970.
    func validity() throws(CertificateError) -> (notBefore: Int64, notAfter: Int64) {
        unsafe (
            try Self.seconds(X509_get0_notBefore(pointer), field: "notBefore"),
            try Self.seconds(X509_get0_notAfter(pointer), field: "notAfter")
        )
    }

    /// The subject's; `nil` when it has none.
    func commonName() throws(CertificateError) -> String? {
        let name = unsafe X509_get_subject_name(pointer)
        let index = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0 else { return nil }
        let value = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index))
        var text: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&text, value)
        guard count >= 0, let start = unsafe text else { throw .field("common name") }
        defer { unsafe CRYPTO_free(start, #fileID, #line) }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// DNS names and the bytes of IP addresses of the subjectAltName extension; names of other kinds (mail, URI) are left
    /// out.
    func alternativeNames() throws(CertificateError) -> (dnsNames: [String], addresses: [[UInt8]]) {
        var critical: CInt = 0
        guard let found = unsafe X509_get_ext_d2i(pointer, NID_subject_alt_name, &critical, nil) else {
            // -1 means that there is no such extension; everything else that it cannot be read.
            guard critical == -1 else { throw .field("subjectAltName") }
            return ([], [])
        }
        let names = OpaquePointer(found)
        defer { unsafe GENERAL_NAMES_free(names) }
        var dnsNames: [String] = []
        var addresses: [[UInt8]] = []
        for index in 0..<(unsafe OPENSSL_sk_num(names)) {
            guard let name = unsafe OPENSSL_sk_value(names, index) else { continue }
            var kind: CInt = 0
            let value = unsafe GENERAL_NAME_get0_value(name.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard kind == GEN_DNS || kind == GEN_IPADD, let value = unsafe value else { continue }
            let bytes = unsafe Self.bytes(of: UnsafePointer(value.assumingMemoryBound(to: ASN1_STRING.self)))
            if kind == GEN_DNS {
                dnsNames.append(String(decoding: bytes, as: UTF8.self))
            } else {
                addresses.append(bytes)
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

/// Bytes in memory that libcrypto reads or writes, and overwrites when they are freed.
@safe
private struct MemoryBuffer: ~Copyable {
    let pointer: OpaquePointer

    deinit { unsafe BIO_free(pointer) }

    init() throws(CertificateError) {
        _ = LibCryptoErrors.drain()
        guard let buffer = unsafe BIO_new(BIO_s_mem()) else { throw .failed("BIO_new") }
        unsafe pointer = buffer
    }

    /// Holds some bytes to be read.
    static func holding(_ bytes: [UInt8]) throws(CertificateError) -> MemoryBuffer {
        guard bytes.count <= Int(CInt.max) else { throw .notPEM(detail: "\(bytes.count) bytes are too many") }
        let buffer = try MemoryBuffer()
        let written = unsafe BIO_write(buffer.pointer, bytes, CInt(bytes.count))
        guard bytes.isEmpty || written == CInt(bytes.count) else { throw .failed("BIO_write") }
        return buffer
    }

    func bytes() throws(CertificateError) -> [UInt8] {
        let count = unsafe BIO_ctrl_pending(pointer)
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe BIO_read(pointer, &bytes, CInt(count)) == CInt(count) else { throw .failed("BIO_read") }
        return bytes
    }
}

/// Most functions of libcrypto give a positive number for success.
private func check(_ result: CInt, _ function: String) throws(CertificateError) {
    guard result > 0 else { throw .failed(function) }
}

/// The calling thread's queue of errors.
enum LibCryptoErrors {
    /// libcrypto itself keeps at most 16.
    private static let entriesMax = 16

    /// Empties the queue and gives its entries, oldest first.
    static func drain() -> String {
        var entries: [String] = []
        while entries.count < entriesMax {
            let code = ERR_get_error()
            guard code != 0 else { break }
            entries.append(
                unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                    guard let start = buffer.baseAddress else { return "error \(code)" }
                    unsafe ERR_error_string_n(code, start, 256)
                    return unsafe String(cString: start)
                })
        }
        return entries.isEmpty ? "no details" : entries.joined(separator: ", ")
    }
}
