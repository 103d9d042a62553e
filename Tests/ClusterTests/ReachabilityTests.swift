// Which members are asked after the others: those that could not be reached a moment ago.
import Cluster
import Gossip
import NIOEmbedded
import Replica
import TestSupport
import Testing

@Suite("What is known of being within reach")
struct ReachabilityTests {
    private let link = LinkID(raw: 1)

    @Test(
        "The end of a link makes its member doubtful where it may be gone",
        arguments: CloseReason.allCases)
    func linkEnds(reason: CloseReason) {
        let reachability = Reachability(loop: NIOAsyncTestingEventLoop())
        reachability.take(.linkDown(link, serverID: "a", address: "", reason: reason, detail: ""))
        #expect(reachability.isDoubtful("a") == [.lost, .timeout, .shutdown].contains(reason))
        #expect(reachability.isReachable("a"))
        reachability.take(.linkUp(link, serverID: "a", address: "", dialled: false))
        #expect(!reachability.isDoubtful("a"))
    }

    @Test("A member that is linked to this one, and cannot be connected to, stays doubtful")
    func oneWay() {
        let reachability = Reachability(loop: NIOAsyncTestingEventLoop())
        reachability.failed("a", "refused")
        for isDialled in [true, false] {
            reachability.take(.linkUp(link, serverID: "a", address: "", dialled: isDialled))
            reachability.take(.linkDown(link, serverID: "a", address: "", reason: .lost, detail: ""))
        }
        #expect(reachability.isDoubtful("a") && reachability.unreachability(of: "a")?.reason == "refused")
        reachability.succeeded("a")
        #expect(!reachability.isDoubtful("a") && reachability.isReachable("a") && reachability.reachedAgo("a") != nil)
    }

}
