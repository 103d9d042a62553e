// How a link comes about at a name with several addresses, one of which is the member's.
import Gossip
import Listeners
import NIOCore
import NIOPosix
import Testing
import Transport

@Suite("Dialling a name with several addresses", .timeLimit(.minutes(1)))
struct DiallerTests {
    private func dialler(_ listeners: [Listener], tokens: [String] = ["token"]) -> Dialler {
        Dialler(
            group: MultiThreadedEventLoopGroup.singleton,
            makeResolver: { KnownNames(listeners.map(\.address), on: $0) }, tokens: { _ in tokens })
    }

    private func point(timeout: Duration) -> AccessPoint {
        var point = AccessPoint(host: "members.example", port: 3300)
        point.options.timeout = timeout
        return point
    }

    /// - Parameter timeout: How long an address that does TLS and nothing else is waited for, twice.
    private func link(_ listeners: [Listener], timeout: Duration = .seconds(4)) async throws {
        let link = try await dialler(listeners).dial(point(timeout: timeout))
        #expect(link.certificateHash != nil)
        try await link.channel.executeThenClose { _, _ in }
        for listener in listeners { try await listener.close() }
    }

    private func failure(_ listeners: [Listener], tokens: [String] = ["token"]) async throws -> String {
        let error = await #expect(throws: DialError.self) {
            try await dialler(listeners, tokens: tokens).dial(point(timeout: .seconds(2)))
        }
        for listener in listeners { try await listener.close() }
        return try #require(error).description
    }

    @Test("The link is with the member, whatever is at the first address, in both families", arguments: Behaviour.wrong)
    func first(_ behaviour: Behaviour) async throws {
        for (first, second) in [("127.0.0.2", "127.0.0.3"), ("::1", "127.0.0.3"), ("::1", "::1")] {
            try await link([Listener(behaviour, at: first), Listener(.member, at: second)])
        }
    }

    @Test("It is with the member also where nothing else of the name is of use")
    func many() async throws {
        var listeners: [Listener] = []
        for behaviour in Behaviour.wrong where behaviour != .silentStranger {
            listeners.append(try await Listener(behaviour, at: "127.0.0.2"))
        }
        try await link(listeners + [Listener(.member, at: "127.0.0.3")], timeout: .seconds(30))
    }

    @Test("A slow member is not given up for addresses that are tried meanwhile and fail")
    func slow() async throws {
        for other in [Behaviour.dead, .refusing, .talking] {
            try await link([Listener(.slowMember, at: "127.0.0.2"), Listener(other, at: "127.0.0.3")])
        }
    }

    @Test("Two good addresses bring one link, and the other one no trouble")
    func both() async throws {
        try await link([Listener(.member, at: "::1"), Listener(.member, at: "127.0.0.2")])
    }

    @Test("Where all fail the line says why for each, and names together those where it was the same")
    func allFail() async throws {
        let refused = "unreachable: Connection refused"
        #expect(
            try await failure([Listener(.refusing, at: "::1"), Listener(.refusing, at: "127.0.0.2")])
                == "\(refused) (127.0.0.2, ::1)")
        #expect(
            try await failure([Listener(.dead, at: "127.0.0.2"), Listener(.refusing, at: "127.0.0.3")])
                == "unreachable: no answer in 2.0 seconds (127.0.0.2); \(refused) (127.0.0.3)")
        #expect(
            try await failure([Listener(.mute, at: "127.0.0.2"), Listener(.talking, at: "127.0.0.3")])
                == "unreachable: no answer in 2.0 seconds (127.0.0.2); "
                + "not an agent: it does not speak TLS (127.0.0.3)")
        #expect(
            try await failure([Listener(.stranger, at: "127.0.0.2"), Listener(.refusing, at: "127.0.0.3")])
                == "not an agent: it answered 404 Not Found (127.0.0.2); \(refused) (127.0.0.3)")
        #expect(
            try await failure([Listener(.silentStranger, at: "127.0.0.2"), Listener(.refusing, at: "127.0.0.3")])
                == "unreachable: no answer after the TLS handshake (127.0.0.2); \(refused) (127.0.0.3)")
    }

    @Test("What keeps this member from linking anywhere is told without an address")
    func ownFailure() async throws {
        let line = try await failure(
            [Listener(.member, at: "127.0.0.2"), Listener(.member, at: "127.0.0.3")], tokens: [])
        #expect(line.hasPrefix("no common key: this member has no cluster key") && !line.contains("127.0.0"))
    }

    @Test("A dial that is called off leaves no connection behind")
    func calledOff() async throws {
        let mute = try await Listener(.mute, at: "127.0.0.2")
        let dial = Task { try await dialler([mute]).dial(point(timeout: .seconds(600))) }
        var accepted = mute.accepted.makeAsyncIterator()
        let connection = try #require(await accepted.next())
        dial.cancel()
        try await connection.closeFuture.get()
        await #expect(throws: DialError.self) { try await dial.value }
        try await mute.close()
    }
}
