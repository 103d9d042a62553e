// A way to the measured member: where the load generator connects, and what it shows there.

/// An address that speaks HTTPS.
struct Route: Sendable {
    static let host = "127.0.0.1"

    let name: String
    let port: Int
    /// The login token that goes with each request.
    var token: String?

    var authority: String { "\(Self.host):\(port)" }
}
