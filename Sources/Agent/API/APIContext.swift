// What is known of one request on its way through the routes.
import Gateway
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import OperatingSystem
import Replica
import Synchronization

/// Who asks.
struct Identity: Sendable {
    let user: String
    /// On this host; nil where the user has no account here.
    let uid: uid_t?
    let groups: [String]
    let role: Role
    /// The login that the request belongs to; nil on this host's own socket, where the kernel says who asks.
    let loginID: String?
    /// The member that the login is at; nil with the login.
    let issuer: ServerID?
    /// The login's CSRF token.
    var csrfToken: String?

    /// Whether this user may see and end what belongs to another.
    func mayManage(_ owner: String) -> Bool { owner == user || role >= .manager }
}

/// A request, with what is known of its connection.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peerAddress: String
    /// Which user's process is at the other end; only on this host's socket for users, where nothing else is asked.
    var peerUser: EventLoopFuture<uid_t?>?
    let channel: any Channel
    let requestID: String
    /// Set by the authentication.
    var identity: Identity?
    /// Who carried the request here; seen by all layers, also by those around the one that finds it out.
    let carriage = CarriageNote()

    /// The member that carried the request here.
    var carrier: ServerID? { carriage.value?.carrier }

    /// Whether that member has shown a full cluster key.
    var carrierHasFullKey: Bool { carriage.value?.hasFullKey ?? false }

    /// Where the client is, as far as this member knows.
    var clientAddress: String { carriage.value?.way?.client ?? peerAddress }

    /// The way that a request came from its client, as far as this member knows.
    func way(of request: Request) -> ClientWay {
        carriage.value?.way
            ?? ClientWay(client: peerAddress, host: request.head.authority, scheme: request.head.scheme ?? "https")
    }

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        let address = source.channel.remoteAddress
        // A client that is gone has no address any more; one whose connection is carried has none of its own.
        peerAddress = address?.ipAddress ?? "local"
        channel = source.channel
        requestID = HexText.encode(RandomBytes.make(8))
    }
}

/// The member that carried a request, and what it says of the way from the client to it.
final class CarriageNote: Sendable {
    private let note = Mutex<(carrier: ServerID, hasFullKey: Bool, way: ClientWay?)?>(nil)

    var value: (carrier: ServerID, hasFullKey: Bool, way: ClientWay?)? {
        get { note.withLock { $0 } }
        set { note.withLock { $0 = newValue } }
    }
}

extension APIContext {
    /// The browser or program, as it names itself.
    static func userAgent(_ request: Request) -> String { request.headers[.userAgent] ?? "" }
}
