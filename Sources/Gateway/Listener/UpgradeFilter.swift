// Lets only complete WebSocket upgrades ask for one; any other request is an ordinary one.
import NIOCore
import NIOHTTP1

/// Takes the `Upgrade` field out of a first request that is not a complete WebSocket upgrade, as a server may that does
/// not know the protocol asked for (RFC 9110, section 7.8). The upgrade handler would drop such a request.
final class UpgradeFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        if !Self.isWebSocketUpgrade(head) { head.headers.remove(name: "upgrade") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
        // Only the first request of a connection can be an upgrade, and after one there is no HTTP here.
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private static func isWebSocketUpgrade(_ head: HTTPRequestHead) -> Bool {
        let headers = head.headers
        return head.method == .GET && headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && headers["sec-websocket-key"].count == 1 && headers["sec-websocket-version"] == ["13"]
    }
}
