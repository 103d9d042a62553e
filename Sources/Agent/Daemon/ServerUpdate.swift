// What this member says of itself: its host, its configuration and its users, gathered for the server update.
import Accounts
import Cluster
import Control
import Directory
import Displays
import Gateway
import Gossip
import JSON
import Logging
import MemberConfiguration
import OperatingSystem
import Replica
import Scripts
import Sessions
import Trust

/// Gathers the content of the server update.
actor ServerUpdateSource {
    private let member: RunningMember
    private var reader = HostStatusReader()
    private var countUsers: @Sendable () async -> UserCounts = { UserCounts() }

    private var reportMetrics: @Sendable () async -> (mode: String, report: MetricReport) = { ("", MetricReport()) }

    init(member: RunningMember) { self.member = member }

    /// Asks the closure for the numbers of logins and sessions.
    func counts(_ countUsers: @escaping @Sendable () async -> UserCounts) { self.countUsers = countUsers }

    /// Asks the closure for the values of metrics.
    func metrics(_ reportMetrics: @escaping @Sendable () async -> (mode: String, report: MetricReport)) {
        self.reportMetrics = reportMetrics
    }

    /// - Parameter stopReason: Why the agent stops, where it does.
    func make(stopReason: String? = nil) async -> ServerUpdate {
        let configuration = member.configuration
        let host = reader.read()
        for problem in host.problems { member.logger.warning("host status: \(problem)") }
        let keyRing = member.authenticator.keyRing
        var content = ServerUpdate.Content(serverID: member.serverID, origin: member.origin, host: host)
        content.urls = await member.urls(hostname: host.hostname)
        content.certificateSHA256 = member.certificate.hash
        content.version = ProgramVersion.number
        content.loginsEnabled = configuration.settings.loginsEnabled
        content.sessionsEnabled = configuration.settings.sessionsEnabled
        content.isDraining = configuration.settings.draining
        content.stopReason = stopReason
        content.isExternal = configuration.cluster.external
        content.serverReservations = configuration.cluster.serverReservations
        content.staticData = .object(configuration.staticData.object)
        content.links = await member.node.links.map(\.status).filter { $0.phase == .open }.map(ServerUpdate.Link.init)
        content.isClockWrong = await member.node.isClockWrong
        content.isPartitioned = await member.node.isPartitionedByGateways
        content.counts = await countUsers()
        // An external member opens no connections: that it has none to others says nothing of where these are.
        content.unreachable = configuration.cluster.external ? [:] : member.reachability.unreachable.mapValues(\.reason)
        let (mode, metrics) = await reportMetrics()
        (content.metricsMode, content.metrics, content.metricErrors) = (mode, metrics.values, metrics.errors)
        content.gatewayKeys = keyRing.hasFullKey ? [] : keyRing.ids.map(\.description)
        return ServerUpdate(content)
    }
}

extension ServerUpdate.Link {
    fileprivate init(_ status: LinkStatus) {
        self.init(
            peer: status.serverID, isDialled: status.isDialled, since: status.since,
            clockOffsetMilliseconds: status.clockOffsetMilliseconds)
    }
}

extension UserCounts {
    init(logins: [Login], sessions: [KnownSession]) {
        self.init()
        let living = sessions.filter { $0.report.state.isLiving }
        self.sessions = living.count
        uniqueSessionUsers = Set(living.map(\.uid)).count
        let users = logins.filter { !$0.isSecondLogin }
        self.logins = users.count
        uniqueLoginUsers = Set(users.map(\.uid)).count
        secondLogins = logins.count - users.count
    }
}
