// A resolver that knows what tests tell it.
package import NIOCore
package import NIOPosix

/// Gives every name the same addresses, those of each family in their order.
package struct KnownNames: Resolver, Sendable {
    private let addresses: [SocketAddress]
    private let loop: any EventLoop

    package init(_ addresses: [SocketAddress], on loop: any EventLoop) {
        self.addresses = addresses
        self.loop = loop
    }

    package func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(addresses.filter { $0.protocol == .inet })
    }

    package func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(addresses.filter { $0.protocol == .inet6 })
    }

    package func cancelQueries() {}
}
