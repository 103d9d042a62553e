// The listener as a service: one port for members, and later for browsers.
import Gateway
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Serves the front door where `www.json` says.
final class FrontDoorService: Service {
    private let member: RunningMember
    private let listening = Gate()

    init(member: RunningMember) { self.member = member }

    /// Returns once connections are accepted.
    func waitUntilListening() async { await listening.wait() }

    func run() async throws {
        let router = Router(context: FrontDoorContext.self)
        router.addGossipRefusals(member.authenticator, member.certificate)
        let serverID = member.serverID
        router.get("/") { _, _ in "fastx-agent \(ProgramVersion.number), server id \(serverID)\n" }
        let route = GossipRoute(authenticator: member.authenticator, node: member.node, logger: member.logger)
        let certificate = member.certificate
        let listen = await member.configuration.web.listen
        let application = Application(
            router: router,
            server: HTTPServerBuilder { FrontDoor(certificate: certificate, routes: [route], responder: $0) },
            configuration: ApplicationConfiguration(address: .hostname(listen.host, port: listen.port)),
            onServerRunning: { [member, listening] channel in
                let port = channel.localAddress?.port ?? listen.port
                await member.setListening(HostAndPort(host: listen.host, port: port))
                member.logger.notice("listening on https://\(HostAndPort(host: listen.host, port: port))")
                await listening.open()
            },
            logger: Self.quietLogger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AgentError.configuration([
                "config/www.json: listen: \"\(listen)\" cannot be listened on: \(error.reason); "
                    + "is another program using the port?"
            ])
        }
    }

    /// The HTTP library speaks up only for errors.
    static var quietLogger: Logger {
        Logger(label: "http") {
            var handler = StreamLogHandler.standardError(label: $0)
            handler.logLevel = .error
            return handler
        }
    }
}

extension IOError {
    /// What the system says of it.
    fileprivate var reason: String { unsafe String(cString: strerror(errnoCode)) }
}

/// Lets waiters pass once it is open.
actor Gate {
    private var isOpen = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
