// What a peer has to know to do the gateway's work.

/// The member to carry to, and the gateway's certificate for the carrier's own port.
struct PeerPlan: Sendable {
    /// What agents agree on where the processor has AES; OpenSSL by itself takes one with more rounds.
    static let cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

    /// A directory of the peer's own, which is there.
    let directory: String
    let memberPort: Int
    /// The certificate that the member shows, in PEM: the only one that peers trust.
    let memberCertificate: String
    let certificate: String
    let key: String
    /// Connections that have to fit, on either side.
    let connectionCountMax: Int
}
