// Who may be chosen, why others may not, and whom the default rule asks first.
import Directory
import JSON
import Placement
import Replica
import TestSupport
import Testing

@Suite("Candidates")
struct CandidatesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let fields: [String: JSONValue]
        let purpose: Purpose
        let reason: String
        var testDescription: String { "\(reason) (\(purpose.rawValue))" }
    }

    static let cases = [
        Case(fields: ["loginsEnabled": false], purpose: .login, reason: "takes no logins"),
        Case(fields: ["sessionsEnabled": false], purpose: .session, reason: "starts no sessions"),
        Case(fields: ["draining": true], purpose: .login, reason: "is being emptied"),
        Case(fields: ["draining": true], purpose: .session, reason: "is being emptied"),
        Case(
            fields: ["state": "stopped", "stopReason": "the host is shut down"], purpose: .session,
            reason: "has stopped (the host is shut down)"),
        Case(fields: ["state": "stopped"], purpose: .login, reason: "has stopped (it did not say why)"),
        Case(
            fields: ["serverReservations": true, "logins": 1], purpose: .login,
            reason: "is reserved by the user who is logged in there"),
        Case(
            fields: ["external": true], purpose: .session,
            reason: "is an external member, which users come to by its own address"),
    ]

    @Test("A member that may not be chosen is left out, and it is known why", arguments: cases)
    func leftOut(_ item: Case) throws {
        let found = candidates([try server("a", item.fields), try server("b")], for: item.purpose)
        #expect(found.servers.map(\.serverID) == ["b"])
        #expect(found.excluded["a"]?.description == item.reason)
        #expect(found.mistake(in: "a") == "a.example.org (a) \(item.reason)")
    }

    @Test("What says nothing against the purpose leaves nobody out")
    func kept() throws {
        let servers = [
            try server("a", ["loginsEnabled": false]), try server("b", ["serverReservations": true, "logins": 3]),
            try server("c", ["serverReservations": true, "logins": 0]),
        ]
        #expect(candidates(servers, for: .session).servers.map(\.serverID) == ["a", "b", "c"])
        #expect(candidates(servers, for: .login).servers.map(\.serverID) == ["c"])
    }

    @Test("The member that places is reached, also where it is external")
    func local() throws {
        let servers = [try server("a", ["external": true])]
        let found = Candidates(servers, for: .session, local: "a", linked: ["z"]) { _ in "no route" }
        #expect(found.servers.map(\.serverID) == ["a"])
    }

    @Test("A member out of reach is left out with the reason; on an external member that is one without a link to it")
    func reach() throws {
        let servers = [try server("a"), try server("b")]
        let found = Candidates(servers, for: .session, local: "local") { $0 == "a" ? "no such name" : nil }
        #expect(found.excluded["a"]?.description == "cannot be reached from here (no such name)")
        let linked = Candidates(servers, for: .session, local: "local", linked: ["b"])
        #expect(linked.servers.map(\.serverID) == ["b"])
        let fewer = linked.without("b", because: "refused")
        #expect(fewer.servers.isEmpty)
        #expect(fewer.excluded["b"] == .unreachable("refused"))
    }

    @Test("A text that names nobody is told apart from the name of a host")
    func mistakes() throws {
        let found = candidates([try server("a")])
        #expect(found.mistake(in: "a") == nil)
        #expect(
            found.mistake(in: "a.example.org")
                == "that is the name of the host, and a server is told by its serverId, \"a\"")
        for text in ["b", "", "A", "a ", "[object Object]"] {
            #expect(found.mistake(in: text) == "no member of that server id is known")
        }
    }

    @Test("By default the member with the fewest comes first, of equals the one with the lower id; doubtful ones last")
    func leastLoaded() throws {
        let servers = [
            try server("a", ["logins": 3, "sessions": 1]), try server("b", ["logins": 1, "sessions": 2]),
            try server("c", ["logins": 1, "sessions": 3]),
        ]
        func order(_ purpose: Purpose, doubtful: Set<ServerID> = []) -> [ServerID] {
            LeastLoaded.order(candidates(servers, for: purpose), for: purpose, isDoubtful: doubtful.contains)
        }
        #expect(order(.login) == ["b", "c", "a"])
        #expect(order(.session) == ["a", "b", "c"])
        #expect(order(.session, doubtful: ["a"]) == ["b", "c", "a"])
        #expect(order(.session, doubtful: ["a", "b", "c"]) == ["a", "b", "c"])
    }
}
