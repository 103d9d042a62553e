// What an external member tells of its links.
package import Relay
package import Replica
import Transport

extension RelayExchange {
    /// A member's link, and what it has opened.
    package struct Status: Sendable {
        /// What the hub knows of it.
        package let link: RelayHub.Status
        /// How long ago the link was opened.
        package let age: Duration?
        /// Connections that the member has opened and that are there.
        package let connectionCount: Int
        /// On connections of the member since this process began, those that are gone included.
        package let bytesSent: Int
        /// As `bytesSent`, the other way.
        package let bytesReceived: Int
    }

    /// The members that hold a link now.
    package var linkedMembers: Set<ServerID> {
        look { hub in Set(hub.statuses.filter(\.isLinked).map(\.member)) }
    }

    /// Of each member that has a link, or had one a moment ago.
    package var statuses: [Status] {
        let now = now()
        return look { hub in hub.statuses }.map { link in
            let meter = connections.knownMeter(of: link.member)
            return Status(
                link: link, age: link.since.map { now - $0 }, connectionCount: connections.count(of: link.member),
                bytesSent: meter?.bytesSent ?? 0, bytesReceived: meter?.bytesReceived ?? 0)
        }
    }
}
