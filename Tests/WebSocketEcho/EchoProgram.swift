// fastx-websocket-echo: the listener's WebSockets with an echo behind them, for tests of the protocol.
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import TestSupport

/// Listens on a free port of the loopback interface without TLS, and prints the port.
@main
struct EchoProgram {
    static func main() async throws {
        var limits = FrontDoorLimits()
        limits.frameByteCountMax = Echo.messageByteCountMax
        let application = Application(
            router: Router(),
            server: HTTPServerBuilder { [limits] in
                FrontDoor(certificate: nil, upgrades: EchoEverywhere(), limits: { limits }, responder: $0)
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                print(channel.localAddress?.port ?? 0)
                fflush(nil)
            },
            logger: Logger(label: "echo") { _ in SwiftLogNoOpLogHandler() })
        try await application.run()
    }
}

/// An echo at every path.
private struct EchoEverywhere: UpgradeJudge {
    func admit(_ request: HTTPRequestHead, _ connection: ConnectionInfo) async throws(Problem) -> UpgradeAdmission {
        UpgradeAdmission(subprotocol: nil) { channel in
            try channel.pipeline.syncOperations.addHandlers([WebSocketBytes(keepsMessages: true), Echo()])
            return { _ = try? await channel.closeFuture.get() }
        }
    }
}
