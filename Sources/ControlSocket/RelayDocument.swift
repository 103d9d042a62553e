// What `status`, `links` and `members` say of the links between external members and the others.
package import Cluster
package import Gateway
import JSON
import Relay
import Replica

/// The links of the relay, at either end.
package struct RelayDocument: Sendable {
    let exchange: RelayExchange
    let externalLinks: ExternalLinks

    package init(exchange: RelayExchange, externalLinks: ExternalLinks) {
        self.exchange = exchange
        self.externalLinks = externalLinks
    }

    /// One document for each link: on an external member those that others hold to it, on any other one its own.
    func links() async -> [JSONValue] {
        let own = await externalLinks.statuses.map(Self.link)
        let failures = await externalLinks.failures.map { failure in
            JSONValue.object([
                "serverId": .string(failure.serverID.text), "direction": "out", "state": "refused",
                "lastError": .string(failure.detail),
            ])
        }
        return own + failures + exchange.statuses.map(Self.link)
    }

    /// A link that this member holds.
    private static func link(_ status: RelayLinkNode.Status) -> JSONValue {
        .object([
            "serverId": .string(status.serverID.text), "direction": "out", "state": .string(status.phase.rawValue),
            "seconds": seconds(status.age), "roundTripMilliseconds": milliseconds(status.roundTrip),
            "connections": .integer(Int64(status.connectionCount)),
            "carriedStreams": .integer(Int64(status.carriedStreamCount)), "upgradesBlocked": .bool(status.isBlocked),
            "bytesSent": .integer(Int64(status.bytesSent)), "bytesReceived": .integer(Int64(status.bytesReceived)),
            "lastError": .text(status.lastError),
        ])
    }

    /// A link that another member holds to this one.
    private static func link(_ status: RelayExchange.Status) -> JSONValue {
        .object([
            "serverId": .string(status.link.member.text), "direction": "in",
            "state": .string(status.link.isLinked ? "open" : "closed"),
            "seconds": status.age.map(seconds) ?? .null,
            "roundTripMilliseconds": milliseconds(status.link.roundTrip),
            "connections": .integer(Int64(status.connectionCount)),
            "carriedStreams": .integer(Int64(status.link.carriedStreamCount)),
            "bytesSent": .integer(Int64(status.bytesSent)), "bytesReceived": .integer(Int64(status.bytesReceived)),
            "lastError": .text(status.link.lastError),
        ])
    }

    private static func milliseconds(_ duration: Duration?) -> JSONValue {
        guard let duration else { return .null }
        return .number((duration / .microseconds(1)).rounded() / 1_000)
    }

    private static func seconds(_ duration: Duration) -> JSONValue { .integer(duration.components.seconds) }
}
