// Two certificates with their keys, for listeners of tests. Nobody looks at their names and dates.
import NIOSSL

/// What a listener shows.
package enum Credentials: Sendable {
    case member, stranger

    /// The certificate in DER.
    package func certificateBytes() throws -> [UInt8] { try certificate().toDERBytes() }

    private func certificate() throws -> NIOSSLCertificate {
        try NIOSSLCertificate(bytes: Array((self == .member ? Self.memberPEM : Self.strangerPEM).utf8), format: .pem)
    }

    /// What a listener still does that nobody should.
    enum Weakness {
        case none, weakCiphers, oldVersion
    }

    func context(_ weakness: Weakness = .none) throws -> NIOSSLContext {
        let key = self == .member ? Self.memberKey : Self.strangerKey
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try certificate())],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
        switch weakness {
        case .none: break
        case .weakCiphers:
            configuration.maximumTLSVersion = .tlsv12
            configuration.cipherSuites = "ECDHE-ECDSA-AES128-SHA"
        case .oldVersion:
            configuration.minimumTLSVersion = .tlsv1
            configuration.maximumTLSVersion = .tlsv11
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private static let memberPEM = """
        -----BEGIN CERTIFICATE-----
        MIIBeTCCAR+gAwIBAgIUKtRvXagWGa6FOCEwMoaVYS8FEa8wCgYIKoZIzj0EAwIw
        ETEPMA0GA1UEAwwGbWVtYmVyMCAXDTI2MTEzMDEyMDEzNVoYDzIxMjYxMTA2MTIw
        MTM1WjARMQ8wDQYDVQQDDAZtZW1iZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
        AAS7GveSYdz5V6sZXjMDzdN+3rRsQbLZimXo/uXUKylEaO7/Cm9nJCTpITidcNpo
        j+J9jzIF2MMKshBF3MhL4ODoo1MwUTAdBgNVHQ4EFgQURYXG7UUUCcGjqUnsO2Tx
        TfhEXb0wHwYDVR0jBBgwFoAURYXG7UUUCcGjqUnsO2TxTfhEXb0wDwYDVR0TAQH/
        BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA9+CT/9FLOdwCDxeQ3JEhTRUfE2UT
        DX5mkh3PP/BvBw4CICpZ93eEbH3KqnuurjMoNqjcSN60AvgIxjJ851SfSXQl
        -----END CERTIFICATE-----
        """

    private static let memberKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTKkz90t/wCElm3IG
        7IASDUcPODrp3+yll4tALWzKAN2hRANCAAS7GveSYdz5V6sZXjMDzdN+3rRsQbLZ
        imXo/uXUKylEaO7/Cm9nJCTpITidcNpoj+J9jzIF2MMKshBF3MhL4ODo
        -----END PRIVATE KEY-----
        """

    private static let strangerPEM = """
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASOgAwIBAgIUR4qjvHOyC3oQHTep1OxGCQldn50wCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTMwMTIwMTM1WhgPMjEyNjExMDYx
        MjAxMzVaMBMxETAPBgNVBAMMCHN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEqAdWN9Xf6Va7M6jydyqY+7QLahMEvlWqXORun4RCss6Wz5dt/UDFYVCz
        pKct0F4i58/9SlMBob16yWllt/oFSKNTMFEwHQYDVR0OBBYEFA5EYL2jswsc7TvN
        UOm/9ivW8j78MB8GA1UdIwQYMBaAFA5EYL2jswsc7TvNUOm/9ivW8j78MA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIP2hlXn/uwMZ8Gltl4J4qOM
        wlf4yYls4wmdxBdGMAt1AiEAlQYYAKwlS60ouh/63xnrnleT0f4HnsJsMLbV7Fb0
        ibo=
        -----END CERTIFICATE-----
        """

    private static let strangerKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDCmwlrK6xUALZSEb
        MNEihA+owMG59emECnd9Ip6tCwqhRANCAASoB1Y31d/pVrszqPJ3Kpj7tAtqEwS+
        Vapc5G6fhEKyzpbPl239QMVhULOkpy3QXiLnz/1KUwGhvXrJaWW3+gVI
        -----END PRIVATE KEY-----
        """
}
