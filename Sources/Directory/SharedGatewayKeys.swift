// Gateway keys that more than one member has to rely on: each of these could pass for any member at the other.
package import JSON
import Replica

/// A gateway that knows one gateway key alone takes whoever shows it for the member that he says he is. So nobody but that
/// gateway and the full members may have it.
package struct SharedGatewayKeys: Sendable {
    /// By key: the gateways that have no better one, where they are more than one.
    private let gateways: [(key: String, serverIDs: [ServerID])]

    /// - Parameter updates: The server updates of all members.
    package init(_ updates: [ServerUpdate]) {
        var found: [String: Set<ServerID>] = [:]
        for update in updates {
            for key in update.gatewayKeys { found[key, default: []].insert(update.serverID) }
        }
        gateways = found.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    /// A list of objects with `key`, the key's id, and `serverIds`; empty where no key is shared.
    package var json: JSONValue {
        .array(
            gateways.map { key, serverIDs in
                .object(["key": .string(key), "serverIds": .array(serverIDs.map { .string($0.text) })])
            })
    }

    /// What people are told of each, one sentence each.
    package var warnings: [String] { gateways.map { Self.warning(key: $0.key, serverIDs: $0.serverIDs.map(\.text)) } }

    /// The sentence on one key, by its id.
    package static func warning(key: String, serverIDs: [String]) -> String {
        "the gateways \(serverIDs.joined(separator: " and ")) have the gateway key \(key) alone, so each of them could pass "
            + "for any member at the other and see what its users send; give each its own (\"fastx-agent key new --gateway\")"
    }
}
