// Gateway keys that more than one member has to rely on: each of these could pass for any member at the other.
import Directory
import JSON
import Logging
import OperatingSystem
import Replica

/// A gateway that knows one gateway key alone takes whoever shows it for the member that he says he is. So nobody but that
/// gateway and the full members may have it.
struct SharedGatewayKeys: Sendable {
    /// By key: the gateways that have no better one, where they are more than one.
    let gateways: [(key: String, serverIDs: [ServerID])]

    /// - Parameter updates: The server updates of all members.
    init(_ updates: [ServerUpdate]) {
        var found: [String: Set<ServerID>] = [:]
        for update in updates {
            for key in update.gatewayKeys { found[key, default: []].insert(update.serverID) }
        }
        gateways = found.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    var json: JSONValue {
        .array(
            gateways.map { key, serverIDs in
                .object(["key": .string(key), "serverIds": .array(serverIDs.map { .string($0.text) })])
            })
    }

    /// What people are told of each.
    var warnings: [String] { gateways.map { Self.warning(key: $0.key, serverIDs: $0.serverIDs.map(\.text)) } }

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

    /// Looks at all members whenever one of them, a gateway, tells of itself.
    func follow(_ events: Observers<RegistryEvent>) {
        events.observe { [self] in if case .server(let update) = $0 { look(at: update) } }
    }

    private func look(at update: ServerUpdate) {
        guard !update.gatewayKeys.isEmpty else { return }
        for warning in SharedGatewayKeys(registry.servers().map(\.update)).warnings where filter.isNews(warning) {
            logger.warning("\(warning)")
        }
    }
}
