// A WebSocket to another member whose bytes go through as they are: the two ends speak to each other.
import HTTPTypes
package import NIOCore
import NIOHTTP1
import NIOWebSocket
import Replica
import Synchronization
import Transport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A connection to another member after its upgrade. It reads nothing until it is joined, and is closed where it never is.
package final class UpgradedMember: Sendable {
    /// The subprotocol that the member chose.
    package let subprotocol: String?
    private let channel: any Channel
    private let glue: Glue
    private let isJoined = Atomic(false)

    fileprivate init(subprotocol: String?, channel: any Channel, glue: Glue) {
        self.subprotocol = subprotocol
        self.channel = channel
        self.glue = glue
    }

    deinit {
        guard !isJoined.load(ordering: .acquiring) else { return }
        glue.abandon(.first)
        channel.close(promise: nil)
    }

    /// Joins the browser's upgraded channel, on its event loop.
    package func join(_ browser: any Channel) throws -> UpgradedSession {
        isJoined.store(true, ordering: .releasing)
        let pipeline = browser.pipeline.syncOperations
        // Frames are not looked at here: masked ones go on to the member, unmasked ones back. Nothing gets as far as the
        // handlers of frames, which cannot be taken out again.
        let encoder = try pipeline.handler(type: WebSocketFrameEncoder.self)
        try pipeline.addHandler(glue.handler(.first), position: .before(encoder))
        channel.setOption(.autoRead, value: true).whenSuccess { [channel] in channel.read() }
        browser.closeFuture.whenComplete { [channel] _ in channel.close(promise: nil) }
        return {
            await withTaskCancellationHandler {
                // A channel that is closed is all there is to wait for.
                _ = try? await browser.closeFuture.get()
            } onCancel: {
                browser.close(promise: nil)
            }
        }
    }

}

extension MemberClient {
    /// Asks another member for a WebSocket.
    ///
    /// - Parameters:
    ///   - fields: What the member has to know besides the upgrade itself.
    ///   - loop: The browser's.
    /// - Returns: the connection, or the problem that the member answered.
    package func upgrade(
        _ path: String, _ fields: [(String, String)], to target: MemberTarget, on loop: any EventLoop
    ) async throws(MemberUnreachable) -> Result<UpgradedMember, Problem> {
        try await upgrade(path, fields, to: target, on: loop, by: BytesUpgrader(browserLoop: loop))
    }

    /// The same with another idea of what to do with the upgraded connection.
    func upgrade<Value, Upgrader: NIOTypedHTTPClientProtocolUpgrader & Sendable>(
        _ path: String, _ fields: [(String, String)], to target: MemberTarget, on loop: (any EventLoop)? = nil,
        by upgrader: Upgrader
    ) async throws(MemberUnreachable) -> Result<Value, Problem>
    where Upgrader.UpgradeResult == UpgradeOutcome<Value> {
        let head = UpgradeRequest.head(path, authority: target.authority, fields)
        do {
            let (channel, outcome) = try await dialler.connect(target, on: loop) { channel in
                (channel, try UpgradeRequest.send(head, on: channel, by: upgrader))
            }
            return try await channel.closing(after: Self.upgradeTimeMax) {
                switch try await outcome.get() {
                case .upgraded(let value): .success(value)
                case .refused(let refusal): .failure(await Problem(refusing: refusal, by: target.serverID))
                }
            }
        } catch {
            throw unreachable(target, error)
        }
    }

    /// How long another member may take to answer a request for an upgrade.
    private static let upgradeTimeMax: TimeAmount = .seconds(30)
}

extension Problem {
    /// Why a member did not upgrade.
    fileprivate init(refusing refusal: EventLoopFuture<UpgradeRefusal>, by serverID: ServerID) async {
        // An answer that breaks off is hardly a member's.
        let answer = try? await refusal.get()
        self.init(
            answered: answer.map { .init(code: Int($0.head.status.code)) } ?? .badGateway,
            answer?.body.readableBytesView ?? ByteBuffer().readableBytesView, by: serverID)
        headers[.refusal] = answer?.head.headers.first(name: HTTPField.Name.refusal.canonicalName)
    }
}

/// Upgrades to a WebSocket without looking at its frames.
private struct BytesUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    typealias UpgradeResult = UpgradeOutcome<UpgradedMember>

    let browserLoop: any EventLoop

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
        var key: [UInt8] = []
        for _ in 0..<16 { key.append(UInt8.random(in: 0...255)) }
        upgradeRequestHeaders.add(name: "sec-websocket-version", value: "13")
        upgradeRequestHeaders.add(name: "sec-websocket-key", value: Data(key).base64EncodedString())
    }

    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool { true }

    func upgrade(
        channel: any Channel, upgradeResponse: HTTPResponseHead
    ) -> EventLoopFuture<UpgradeOutcome<UpgradedMember>> {
        channel.eventLoop.makeCompletedFuture {
            let glue = Glue(
                first: browserLoop, second: channel.eventLoop, closing: [.first],
                firstEnded: { channel.close(promise: nil) }, secondEnded: {})
            try channel.syncOptions?.setOption(.autoRead, value: false)
            try channel.pipeline.syncOperations.addHandler(glue.handler(.second))
            return .upgraded(
                UpgradedMember(
                    subprotocol: upgradeResponse.headers.first(name: "sec-websocket-protocol"), channel: channel,
                    glue: glue))
        }
    }
}
