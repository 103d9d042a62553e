// The certificates that members make and read, with the openssl program as the judge.
import Certificates
import Foundation
import TestSupport
import Testing

@Suite("Certificates of the host")
struct CertificateTests {
    /// 2026-01-01 00:00:00 UTC.
    static let now: Int64 = 1_767_225_600

    static func make() throws -> (certificatePEM: [UInt8], privateKeyPEM: [UInt8]) {
        try SelfSignedCertificate.make(
            commonName: "agent one", names: ["agent1.example.org", "localhost"],
            addresses: ["127.0.0.1", "2001:db8:0::1"],
            now: now)
    }

    @Test("openssl reads the certificate with the names, purposes and algorithms that were asked for")
    func opensslReadsIt() throws {
        let directory = try HostTestDirectory()
        let file = try directory.write(String(decoding: Self.make().certificatePEM, as: UTF8.self), to: "cert.pem")
        let (status, text) = try hostTestRun("openssl", "x509", "-in", file, "-noout", "-text")
        #expect(status == 0)
        let expected = [
            "Version: 3 (0x2)", "Signature Algorithm: ecdsa-with-SHA256", "Issuer: CN = agent one",
            "Subject: CN = agent one", "Not Before: Dec 31 23:00:00 2025 GMT", "Not After : Dec 30 00:00:00 2035 GMT",
            "ASN1 OID: prime256v1", "X509v3 Basic Constraints: critical\n                CA:FALSE",
            "X509v3 Extended Key Usage: \n                TLS Web Server Authentication, TLS Web Client Authentication",
            "DNS:agent1.example.org, DNS:localhost, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1",
            "X509v3 Subject Key Identifier",
        ]
        for part in expected { #expect(text.contains(part), "no \(part) in \(text)") }
    }

    @Test("The key is PKCS#8, without a password, and belongs to the certificate")
    func keyBelongs() throws {
        let directory = try HostTestDirectory()
        let made = try Self.make()
        #expect(String(decoding: made.privateKeyPEM, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        let certificate = try directory.write(String(decoding: made.certificatePEM, as: UTF8.self), to: "cert.pem")
        let key = try directory.write(String(decoding: made.privateKeyPEM, as: UTF8.self), to: "key.pem")
        let ofCertificate = try hostTestRun("openssl", "x509", "-in", certificate, "-noout", "-pubkey")
        let ofKey = try hostTestRun("openssl", "pkey", "-in", key, "-pubout")
        #expect(ofCertificate.status == 0 && ofKey.status == 0)
        #expect(ofCertificate.output == ofKey.output)
    }

    @Test("A key is told from another certificate's, and from what is no key")
    func matching() throws {
        let (one, two) = (try Self.make(), try Self.make())
        func matches(_ certificate: [UInt8], _ key: [UInt8]) throws(CertificateError) -> Bool {
            try CertificateInfo.matches(certificatePEM: certificate, privateKeyPEM: key)
        }
        #expect(try matches(one.certificatePEM, one.privateKeyPEM))
        #expect(try !matches(one.certificatePEM, two.privateKeyPEM))
        #expect(try matches(one.certificatePEM + two.certificatePEM, one.privateKeyPEM))
        #expect(throws: CertificateError.self) { try matches(one.privateKeyPEM, one.privateKeyPEM) }
        #expect(throws: CertificateError.self) { try matches(one.certificatePEM, one.certificatePEM) }
    }

    @Test("openssl verifies the certificate for a server by its own signature and for its names")
    func verifies() throws {
        let directory = try HostTestDirectory()
        let made = try SelfSignedCertificate.make(
            commonName: "a", names: ["a.example"], addresses: ["192.0.2.7"],
            now: Int64(Date().timeIntervalSince1970))
        let file = try directory.write(String(decoding: made.certificatePEM, as: UTF8.self), to: "cert.pem")
        let common = ["verify", "-check_ss_sig", "-CAfile", file, "-purpose", "sslserver"]
        func verify(_ option: String, _ value: String) throws -> Int32 {
            try hostTestRun(
                "openssl", common[0], common[1], common[2], common[3], common[4], common[5], option, value, file
            ).status
        }
        #expect(try verify("-verify_hostname", "a.example") == 0)
        #expect(try verify("-verify_ip", "192.0.2.7") == 0)
        #expect(try verify("-verify_hostname", "b.example") != 0)
    }

    @Test("Two certificates have different serials and keys")
    func unique() throws {
        let directory = try HostTestDirectory()
        var serials: Set<String> = []
        var keys: Set<[UInt8]> = []
        for index in 0..<4 {
            let made = try Self.make()
            let file = try directory.write(String(decoding: made.certificatePEM, as: UTF8.self), to: "\(index).pem")
            serials.insert(try hostTestRun("openssl", "x509", "-in", file, "-noout", "-serial").output)
            keys.insert(made.privateKeyPEM)
        }
        #expect(serials.count == 4)
        #expect(keys.count == 4)
    }

    @Test("Reading a made certificate gives back its names and dates")
    func readsBack() throws {
        let made = try Self.make()
        let info = try CertificateInfo(pem: made.certificatePEM)
        #expect(info.commonName == "agent one")
        #expect(info.dnsNames == ["agent1.example.org", "localhost"])
        #expect(info.addresses == ["127.0.0.1", "2001:db8::1"])
        #expect(info.notBefore == Self.now - 3_600)
        #expect(info.notAfter == Self.now + 3_650 * 86_400)
        #expect(info.daysLeft(now: Self.now) == 3_650)
        #expect(info.daysLeft(now: info.notAfter + 1) == -1)
        let base64 = String(decoding: made.certificatePEM, as: UTF8.self).split(separator: "\n").dropFirst().dropLast()
        #expect(info.derBytes == Data(base64Encoded: base64.joined())?.count)
    }

    @Test("A certificate of openssl's, without a common name and valid past 2050, is read")
    func readsForeign() throws {
        let directory = try HostTestDirectory()
        let file = directory.file("cert.pem")
        let made = try hostTestRun(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "/dev/null",
            "-out", file, "-subj", "/O=Example", "-days", "20000")
        try #require(made.status == 0)
        let info = try CertificateInfo(pem: [UInt8](Data(contentsOf: URL(fileURLWithPath: file))))
        #expect(info.commonName == nil)
        #expect(info.dnsNames.isEmpty && info.addresses.isEmpty)
        #expect(info.notAfter - info.notBefore == 20_000 * 86_400)
    }

    @Test("A common name outside ASCII survives")
    func unicodeName() throws {
        let made = try SelfSignedCertificate.make(commonName: "Zürich 東京", names: ["a"], addresses: [], now: Self.now)
        #expect(try CertificateInfo(pem: made.certificatePEM).commonName == "Zürich 東京")
    }

    @Test(
        "A name that could smuggle in another one is refused",
        arguments: [
            "a,DNS:b", "a b", "", "-a", "a..b", "a.", "*", "a.*", "ä.example", "a\n", String(repeating: "a", count: 64),
        ])
    func refusesNames(name: String) {
        #expect(throws: CertificateError.dnsName(name)) {
            _ = try SelfSignedCertificate.make(commonName: "a", names: [name], addresses: [], now: Self.now)
        }
    }

    @Test("A wrong address, common name or validity and a certificate for nobody are refused")
    func refusesOthers() {
        func make(_ name: String, _ names: [String], _ addresses: [String], _ days: Int) throws(CertificateError) {
            _ = try SelfSignedCertificate.make(
                commonName: name, names: names, addresses: addresses, validDays: days, now: Self.now)
        }
        #expect(throws: CertificateError.address("1.2.3.4:80")) { try make("a", [], ["1.2.3.4:80"], 1) }
        #expect(throws: CertificateError.address("1.2.3.4,DNS:b")) { try make("a", [], ["1.2.3.4,DNS:b"], 1) }
        #expect(throws: CertificateError.commonName("")) { try make("", ["a"], [], 1) }
        #expect(throws: CertificateError.validDays(0)) { try make("a", ["a"], [], 0) }
        #expect(throws: CertificateError.noNames) { try make("a", [], [], 1) }
    }

    @Test(
        "What is no certificate is refused with OpenSSL's reason",
        arguments: ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    func refusesText(text: String) {
        do {
            _ = try CertificateInfo(pem: Array(text.utf8))
            Issue.record("\(text) was read")
        } catch {
            guard case .notPEM(let detail) = error else {
                Issue.record("another error: \(error)")
                return
            }
            #expect(detail.hasPrefix("error:"), "\(detail)")
        }
    }
}
