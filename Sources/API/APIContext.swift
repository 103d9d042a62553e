// What is known of one request on its way through the routes.
import Accounts
import Gateway
import Glibc
import HTTPTypes
package import Hummingbird
import NIOCore
import OperatingSystem
import Replica
import Synchronization

/// A request, with what is known of its connection.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    let peerAddress: String
    /// Which user's process is at the other end; only on this host's socket for users, where nothing else is asked.
    var peerUser: EventLoopFuture<uid_t?>?
    let channel: any Channel
    let requestID: String
    /// What the request is for; nil where there is nothing at its path.
    var route: Route?
    /// Where it is a request for an upgrade.
    var upgrade: UpgradeNote?
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

    /// For a request that came over the connection of `source`. Nothing is known of who asks yet.
    package init(source: ApplicationRequestContextSource) {
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
