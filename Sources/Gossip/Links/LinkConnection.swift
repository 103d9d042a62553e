// A connection that carries one link, and what is known of it from TLS.
package import NIOCore
package import Transport

/// An upgraded connection, ready to exchange messages.
package struct LinkConnection: Sendable {
    /// Its messages are read once, by the node that serves it.
    package let channel: NIOAsyncChannel<LinkInbound, Message>
    /// Counts the payload bytes.
    package let meter: ByteMeter
    /// For people: the peer's address, or the URL dialled.
    package let address: String
    /// SHA-256 of the certificate that the accepting end served; nil behind a proxy that ends TLS.
    package let certificateHash: [UInt8]?

    package init(
        channel: NIOAsyncChannel<LinkInbound, Message>, meter: ByteMeter, address: String, certificateHash: [UInt8]?
    ) {
        self.channel = channel
        self.meter = meter
        self.address = address
        self.certificateHash = certificateHash
    }
}
