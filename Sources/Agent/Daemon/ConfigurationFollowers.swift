// The parts of a member that follow its configuration by themselves.
import Cluster
import Control
import Gateway
import Gossip
import MemberConfiguration
import Sessions
import Trust

extension ConfigurationFollower {
    /// All of them, in the order in which they take a change: what may refuse it, and is taken back easily, comes first.
    static func all(
        _ member: RunningMember, _ users: UserServer, frontDoor: ListenerService, plainDoor: ListenerService
    ) -> [ConfigurationFollower] {
        [
            certificate(member), links(member), .init("the listener") { try await frontDoor.move(to: $1.web.listen) },
            .init("the listener without TLS") { try await plainDoor.move(to: $1.web.plainListen) },
            .init("the log") { member.logs.topics.set($1.debug.topics) },
            .init("probes") { member.reachability.setInterval($1.settings.probeInterval) },
            .init("stewards") { users.parts.stewards.update(StewardSettings($1.settings.sessions)) },
        ]
    }

    /// What new connections are shown. Its files may have changed where their names have not.
    private static func certificate(_ member: RunningMember) -> ConfigurationFollower {
        .init("the certificate") { _, new in
            let (chain, key) = try RunningMember.readCertificate(new.web, member.directory.configuration)
            try member.certificate.replace(chain: chain, key: key)
        }
    }

    /// Cluster keys, access points, and what the links tell of this member.
    private static func links(_ member: RunningMember) -> ConfigurationFollower {
        .init("the links") { old, new in
            let keyRing = try KeyRing(configured: new.cluster.keys)
            let points = try member.accessPoints(new)
            member.authenticator.update(keyRing: keyRing, proxies: new.cluster.unboundProxyRanges)
            if old.cluster.keys != new.cluster.keys { await member.node.setKeyRing(keyRing) }
            await member.node.setIdentity(member.identity(new))
            await member.node.setReconcileInterval(new.settings.reconcileInterval)
            await member.node.setAccessPoints(points)
        }
    }
}

extension RunningMember {
    nonisolated func accessPoints(_ configuration: Configuration) throws -> [AccessPoint] {
        try configuration.cluster.usedConnections.map { try AccessPoint(configured: $0, in: directory.configuration) }
    }

    fileprivate nonisolated func identity(_ configuration: Configuration) -> MemberIdentity {
        MemberIdentity(
            serverID: serverID, origin: origin, isExternal: configuration.cluster.external,
            software: ProgramVersion.software)
    }
}
