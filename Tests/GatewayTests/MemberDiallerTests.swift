// How a request gets to a member at a name with several addresses, one of which is the member's.
import Gateway
import HTTPTypes
import Listeners
import NIOCore
import TestSupport
import Testing
import Transport
import Trust

@Suite("Requests to a member at a name with several addresses", .timeLimit(.minutes(1)))
struct MemberDiallerTests {
    private func client(_ listeners: [Listener], mayReach: @escaping @Sendable (String) -> Bool) -> MemberClient {
        let addresses = listeners.map(\.address)
        return MemberClient(makeResolver: { KnownNames(addresses, on: $0) }, mayReach: mayReach)
    }

    private func ask(
        _ listeners: [Listener], mayReach: @escaping @Sendable (String) -> Bool = { _ in true }
    ) async throws -> HTTPResponse.Status {
        let target = MemberTarget(
            serverID: "beta", way: .address(host: "beta.example", port: 3300),
            certificateSHA256: Sodium.sha256(try Credentials.member.certificateBytes()))
        let request = HTTPRequest(method: .get, scheme: "https", authority: target.authority, path: "/")
        return try await client(listeners, mayReach: mayReach).send(request, body: ByteBuffer(), to: target).head.status
    }

    @Test("The member answers, whatever is at the first address, in both families", arguments: Behaviour.wrong)
    func first(_ behaviour: Behaviour) async throws {
        for (first, second) in [("127.0.0.2", "127.0.0.3"), ("::1", "127.0.0.3"), ("::1", "::1")] {
            let listeners = [try await Listener(behaviour, at: first), try await Listener(.member, at: second)]
            #expect(try await ask(listeners) == .ok)
            for listener in listeners { try await listener.close() }
        }
    }

    @Test("Where all fail the line says why for each")
    func allFail() async throws {
        let listeners = [try await Listener(.stranger, at: "127.0.0.2"), try await Listener(.member, at: "127.0.0.3")]
        let error = await #expect(throws: MemberUnreachable.self) {
            try await ask(listeners) { $0 != "127.0.0.3" }
        }
        #expect(
            try #require(error).description
                == "beta cannot be reached: certificate: it shows another one than the map names; either it was replaced "
                + "just now, or something between ends TLS (127.0.0.2); nothing is sent to such an address (127.0.0.3)")
        for listener in listeners { try await listener.close() }
    }

    @Test("Old TLS and old ciphers are refused", arguments: [Behaviour.weakMember, .oldMember])
    func policy(_ behaviour: Behaviour) async throws {
        let listener = try await Listener(behaviour, at: "127.0.0.2")
        let error = await #expect(throws: MemberUnreachable.self) { try await ask([listener]) }
        #expect(error?.hasTakenNothing == true)
        try await listener.close()
    }
}
