// Asks the server of a connection to speak something else than HTTP on it from now on.
package import NIOCore
package import NIOHTTP1
import Synchronization

/// What came of a request for an upgrade.
package enum UpgradeOutcome<Value: Sendable>: Sendable {
    /// The server speaks the other protocol; the value is what the upgrader made of the channel.
    case upgraded(Value)
    /// Completes with the answer once it has been read, or with `NoAnswer`.
    case refused(EventLoopFuture<UpgradeRefusal>)
}

/// The HTTP/1.1 request of an upgrade, and how it is sent.
package enum UpgradeRequest {
    /// The request. The fields that every upgrade has are the upgrader's.
    package static func head(
        _ path: String, authority: String, _ fields: [(String, String)]
    ) -> HTTPRequestHead {
        var headers = HTTPHeaders(fields)
        headers.add(name: "host", value: authority)
        headers.add(name: "content-length", value: "0")
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
    }

    /// Sends it on a channel on which nothing is spoken yet, as soon as that is connected. On its event loop.
    package static func send<Value, Upgrader: NIOTypedHTTPClientProtocolUpgrader>(
        _ head: HTTPRequestHead, on channel: any Channel, by upgrader: Upgrader
    ) throws -> EventLoopFuture<UpgradeOutcome<Value>> where Upgrader.UpgradeResult == UpgradeOutcome<Value> {
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<UpgradeOutcome<Value>>(
            upgradeRequestHead: head, upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let refusal = channel.eventLoop.makePromise(of: UpgradeRefusal.self)
                try channel.pipeline.syncOperations.addHandler(RefusalReader(refusal))
                return .refused(refusal.futureResult)
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration<UpgradeOutcome<Value>>(
            upgradeConfiguration: upgrade)
        // The first bytes of the other end may come together with its answer.
        configuration.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
    }
}

extension Channel {
    /// Waits for something that this channel is to bring, and closes it where that fails, or takes too long, which is
    /// told as `NoAnswer.late`.
    package func closing<Value>(
        after limit: TimeAmount, _ body: () async throws -> Value
    ) async throws -> Value {
        let isLate = Late()
        let timer = eventLoop.scheduleTask(in: limit) {
            isLate.flag.store(true, ordering: .releasing)
            self.close(promise: nil)
        }
        defer { timer.cancel() }
        do {
            return try await body()
        } catch {
            close(promise: nil)
            throw isLate.flag.load(ordering: .acquiring) ? NoAnswer.late : error
        }
    }
}

private final class Late: Sendable {
    let flag = Atomic(false)
}
