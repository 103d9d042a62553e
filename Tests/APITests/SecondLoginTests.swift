// Starts for which no process of the user may start sessions: what is asked, what is refused, and what is listed.
import API
import Accounts
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSON
import MemberConfiguration
import OperatingSystem
import Replica
import Testing

@Suite("Second logins in process")
struct SecondLoginTests {
    private func json(_ response: TestResponse) throws -> JSONValue {
        try JSONValue.parse(Array(buffer: response.body))
    }

    private func start(_ fixture: InterfaceFixture) async throws -> TestResponse {
        let token = try await fixture.logIn()
        return try await fixture.test { client in
            try await client.execute(
                uri: Route.startSession.form.path, method: .post,
                headers: [.authorization: "Bearer \(token.text)", .contentType: "application/json"],
                body: ByteBuffer(string: #"{"command":"true"}"#))
        }
    }

    @Test(
        "Where no way leads to a steward, it is said what the administrator can do, and nothing that does not help",
        arguments: [([], .conflict, "no-link"), ([.own], .serviceUnavailable, "link")]
            as [([LoginWay], HTTPResponse.Status, String)])
    func noWay(ways: [LoginWay], status: HTTPResponse.Status, reason: String) async throws {
        var configuration = Configuration()
        configuration.settings.logins.ways = ways
        let refused = try await start(try await InterfaceFixture(configuration))
        let problem = try json(refused)
        #expect(refused.status == status && problem.text("reason") == reason)
        let detail = try #require(problem.text("detail"))
        #expect(detail.contains("host.example") && detail.contains("administrator") && detail.contains("\"ssh\""))
        #expect(!detail.contains("log out"))
    }

    @Test("A user's second login is listed beside his login with its claim, and ends like one")
    func listed() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        let user = try UnixUser.current()
        let second = try await fixture.logins.book.beginSecond(user, address: "192.0.2.7", userAgent: "a browser")
        let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
        try await fixture.test { client in
            let listed = try json(try await client.execute(uri: Route.logins.form.path, method: .get, headers: headers))
            guard case .array(let logins)? = listed["logins"] else { throw Failure.unlisted }
            #expect(logins.map { $0.texts("claims") } == [[], ["fastx/daemon"]])
            #expect(logins.map { $0["current"] } == [true, false])
            let ended = try await client.execute(
                uri: Route.endLogin.path(second.id), method: .delete, headers: headers)
            #expect(ended.status == .noContent)
        }
        #expect(await fixture.logins.book[second.id] == nil)
    }

    @Test("To whom an attempt is none, nothing is said of it, whether he is logged in or not")
    func attempts() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        try await fixture.test { client in
            for headers in [[:], [.authorization: "Bearer \(token.text)"]] as [HTTPFields] {
                let answered = try await client.execute(
                    uri: Route.answerLogin.path("m-0123"), method: .post, headers: headers,
                    body: ByteBuffer(string: #"{"answer":"x"}"#))
                #expect(answered.status == .notFound)
                #expect(try json(answered).text("reason") == "no-such-attempt")
                let cancelled = try await client.execute(
                    uri: Route.cancelLogin.path("m-0123"), method: .delete, headers: headers)
                #expect(cancelled.status == .noContent)
            }
        }
    }

    private enum Failure: Error { case unlisted }
}
