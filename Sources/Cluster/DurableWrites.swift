// Whether this member may write what all members share.
package import Gossip
import Trust

/// Says what keeps durable writes of this member from getting anywhere.
package struct DurableWrites: Sendable {
    private let authenticator: MemberAuthenticator
    private let node: GossipNode

    /// Why a write is refused.
    package enum Obstacle: Sendable, CustomStringConvertible {
        /// The member has gateway keys alone.
        case gateway
        /// Most other members say that this host's clock is wrong.
        case clock

        /// A stable word for programs.
        package var reason: String {
            switch self {
            case .gateway: "gateway"
            case .clock: "clock"
            }
        }

        /// A sentence that says what to do.
        package var description: String {
            switch self {
            case .gateway:
                "this member has a gateway key only: other members would not take the entry; write at a full member"
            case .clock:
                "this host's clock is off by more than 60 s from most members' (see \"fastx-agent status\"): durable "
                    + "writes are refused until it is set right"
            }
        }
    }

    package init(authenticator: MemberAuthenticator, node: GossipNode) {
        self.authenticator = authenticator
        self.node = node
    }

    /// What stands in the way now; nil: nothing.
    package func obstacle() async -> Obstacle? {
        let keys = authenticator.keyRing.keys
        if !keys.isEmpty, keys.allSatisfy({ $0.scope == .gateway }) { return .gateway }
        return await node.isClockWrong ? .clock : nil
    }
}
