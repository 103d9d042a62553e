// Gateway keys that more than one member has to rely on: each of these could pass for any member at the other.
import JSON
import Logging

/// A gateway that knows one gateway key alone takes whoever shows it for the member that he says he is. So nobody but that
/// gateway and the full members may have it.
struct SharedGatewayKeys: Sendable {
    /// By key: the gateways that have no better one, where they are more than one.
    let gateways: [(key: String, serverIDs: [String])]

    /// - Parameter updates: The server updates of all members.
    init(_ updates: [JSONValue]) {
        var found: [String: Set<String>] = [:]
        for update in updates {
            guard let serverID = update.text("serverId") else { continue }
            for key in update.texts("gatewayKeys") { found[key, default: []].insert(serverID) }
        }
        gateways = found.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    var json: JSONValue {
        .array(
            gateways.map { key, serverIDs in
                .object(["key": .string(key), "serverIds": .array(serverIDs.map { .string($0) })])
            })
    }

    /// What people are told of each.
    var warnings: [String] { gateways.map { Self.warning(key: $0.key, serverIDs: $0.serverIDs) } }

    static func warning(key: String, serverIDs: [String]) -> String {
        "the gateways \(serverIDs.joined(separator: " and ")) have the gateway key \(key) alone, so each of them could pass "
            + "for any member at the other and see what its users send; give each its own (\"fastx-agent key new --gateway\")"
    }
}

/// Tells of shared keys in the log, each once in a while.
final class SharedGatewayKeyWarning: Sendable {
    private let registry: Registry
    private let logger: Logger
    private let filter = RepeatFilter(period: .seconds(3_600))

    init(registry: Registry, logger: Logger) {
        self.registry = registry
        self.logger = logger
    }

    /// Looks at all members where one of them, a gateway, has told of itself.
    func look(at update: JSONValue) {
        guard !update.texts("gatewayKeys").isEmpty else { return }
        for warning in SharedGatewayKeys(registry.servers()).warnings where filter.isNews(warning) {
            logger.warning("\(warning)")
        }
    }
}
