// Which members are asked after the others: those that could not be reached a moment ago.
import Cluster
import Gossip
import Replica
import TestSupport
import Testing

@Suite("What is known of being within reach")
struct ReachabilityTests {
    private let now = ContinuousClock.now
    private let link = LinkID(raw: 1)

    @Test("A member that could not be reached is doubtful for a minute, or until it answers")
    func failure() {
        let reachability = Reachability()
        reachability.failed("a", at: now)
        #expect(reachability.isDoubtful("a", at: now + .seconds(59)))
        #expect(!reachability.isDoubtful("a", at: now + .seconds(60)))
        #expect(!reachability.isDoubtful("b", at: now))
        reachability.failed("a", at: now)
        reachability.succeeded("a")
        #expect(!reachability.isDoubtful("a", at: now))
    }

    @Test(
        "The end of a link makes its member doubtful where it may be gone",
        arguments: CloseReason.allCases)
    func linkEnds(reason: CloseReason) {
        let reachability = Reachability()
        reachability.take(.linkDown(link, serverID: "a", address: "", reason: reason, detail: ""), at: now)
        #expect(reachability.isDoubtful("a", at: now) == [.lost, .timeout, .shutdown].contains(reason))
        reachability.take(.linkUp(link, serverID: "a", address: "", dialled: false), at: now)
        #expect(!reachability.isDoubtful("a", at: now))
    }

    @Test("A member that links to this one, and cannot be connected to, stays doubtful")
    func oneWay() {
        let reachability = Reachability()
        reachability.failed("a", at: now)
        reachability.take(.linkUp(link, serverID: "a", address: "", dialled: false), at: now)
        reachability.take(.linkDown(link, serverID: "a", address: "", reason: .lost, detail: ""), at: now)
        reachability.take(.linkUp(link, serverID: "a", address: "", dialled: false), at: now)
        #expect(reachability.isDoubtful("a", at: now))
        reachability.take(.linkUp(link, serverID: "a", address: "", dialled: true), at: now)
        #expect(!reachability.isDoubtful("a", at: now))
    }
}
