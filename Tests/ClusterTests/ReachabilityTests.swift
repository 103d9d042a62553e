// Whom a gateway asks first: the least loaded member, and behind all others those that could not be reached a moment ago.
import Cluster
import Directory
import Gossip
import JSON
import Replica
import TestSupport
import Testing

@Suite("Choosing among the members")
struct ReachabilityTests {
    private let now = ContinuousClock.now
    private let link = LinkID(raw: 1)

    private func update(
        _ id: ServerID, logins: Int64, takesLogins: Bool = true, isExternal: Bool = false
    ) throws -> ServerUpdate {
        let document: JSONValue = [
            "serverId": .string(id.text), "logins": .integer(logins), "loginsEnabled": .bool(takesLogins),
            "external": .bool(isExternal), "sessions": .integer(10 - logins), "sessionsEnabled": true,
        ]
        return try #require(ServerUpdate(document, of: id))
    }

    private func order(_ servers: [ServerUpdate], linked: Set<ServerID> = [], doubtful: Set<ServerID> = [])
        -> [ServerID]
    {
        LeastLoaded.order(servers, for: .login, linked: linked, isDoubtful: doubtful.contains)
    }

    @Test("The member with the fewest comes first, of equals the one with the lower id")
    func load() throws {
        let servers = try [update("c", logins: 1), update("b", logins: 1), update("a", logins: 3)]
        #expect(order(servers) == ["b", "c", "a"])
        #expect(LeastLoaded.order(servers, for: .session, linked: [], isDoubtful: { _ in false }) == ["a", "b", "c"])
    }

    @Test("A member that is emptied, and one that has stopped, are not asked")
    func closing() throws {
        let open = try update("b", logins: 5)
        for members in [["draining": true], ["state": "stopped"]] as [[String: JSONValue]] {
            guard case .object(let said) = try update("a", logins: 0).document else { continue }
            let closing = try #require(ServerUpdate(.object(said.merging(members) { $1 }), of: "a"))
            #expect(order([closing, open]) == ["b"])
        }
    }

    @Test("A member that takes no logins, and an external one, are not asked")
    func ability() throws {
        let servers = try [
            update("a", logins: 0, takesLogins: false), update("b", logins: 0, isExternal: true),
            update("c", logins: 9),
        ]
        #expect(order(servers) == ["c"])
    }

    @Test("A doubtful member comes behind all others, and is still asked when there is no other")
    func doubt() throws {
        let servers = try [update("a", logins: 0), update("b", logins: 5), update("c", logins: 6)]
        #expect(order(servers, doubtful: ["a"]) == ["b", "c", "a"])
        #expect(order(servers, doubtful: ["a", "b", "c"]) == ["a", "b", "c"])
    }

    @Test("On an external member those that hold a link to it are the only ones, unless there are none")
    func external() throws {
        let servers = try [update("a", logins: 0), update("b", logins: 5)]
        #expect(order(servers, linked: ["b"]) == ["b"])
        #expect(order(servers, linked: ["z"]) == ["a", "b"])
    }

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
