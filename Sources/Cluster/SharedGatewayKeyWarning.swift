// Tells in the log of gateway keys that more than one member has to rely on.
package import Directory
package import Logging
package import OperatingSystem

/// Tells of shared keys in the log, each once in a while.
package final class SharedGatewayKeyWarning: Sendable {
    private let registry: Registry
    private let logger: Logger
    private let filter = RepeatFilter(period: .seconds(3_600))

    /// Says nothing before `follow`.
    package init(registry: Registry, logger: Logger) {
        self.registry = registry
        self.logger = logger
    }

    /// Looks at all members whenever one of them, a gateway, tells of itself.
    package func follow(_ events: Observers<RegistryEvent>) {
        events.observe { [self] in if case .server(let update) = $0 { look(at: update) } }
    }

    private func look(at update: ServerUpdate) {
        guard !update.gatewayKeys.isEmpty else { return }
        for warning in SharedGatewayKeys(registry.servers().map(\.update)).warnings where filter.isNews(warning) {
            logger.warning("\(warning)")
        }
    }
}
