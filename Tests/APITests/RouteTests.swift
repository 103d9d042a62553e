// The table of routes: complete, served, described, and what the layers make of it.
import API
import Accounts
import Directory
import Foundation
import Gateway
import Gossip
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSON
import Replica
import TestSupport
import Testing

@Suite("The table of routes")
struct RouteTests {
    @Test("No two routes have method and path in common, and each is found by them")
    func distinct() {
        let names = Route.allCases.map { "\($0.form.method) \($0.form.path)" }
        #expect(Set(names).count == names.count)
        for route in Route.allCases { #expect(Route.at(route.form.path, route.form.method) == route) }
        #expect(Route.at("/api/v1/me", .post) == nil && Route.at("/api/v1", .get) == nil && Route.at(nil, .get) == nil)
    }

    @Test("Each route has one handler at the port; users have theirs at every door, and members at the port alone")
    func served() async throws {
        let fixture = try await InterfaceFixture()
        func served(_ door: APIRouter.Door) -> [Route] { fixture.api.groups(at: door).flatMap { $0.handlers.keys } }
        let all = served(.port)
        #expect(Set(all) == Set(Route.allCases) && all.count == Route.allCases.count)
        #expect(Set(served(.plainPort)) == Set(Route.allCases.filter { $0.form.audience != .members }))
        #expect(Set(served(.userSocket)) == Set(Route.allCases.filter { $0.form.audience == .users }))
    }

    @Test("The description of the interface has the routes of users, and no others")
    func described() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/Agent/Portal/openapi.json")
        let document = try JSONValue.parse(Array(Data(contentsOf: file)))
        var described: Set<String> = []
        for (path, operations) in members(document["paths"]) {
            for (method, operation) in members(operations) where method != "parameters" {
                described.insert("\(method.uppercased()) /api/v1\(path)")
                let upgrades = operation["responses"]?["101"] != nil
                let route = Route.at("/api/v1\(path)", try #require(.init(method.uppercased())))
                #expect(route?.form.isUpgrade == upgrades, "\(method) \(path)")
            }
        }
        let routes = Route.allCases.filter { $0.form.audience == .users }
        #expect(described == Set(routes.map { "\($0.form.method.rawValue) \($0.form.path)" }))
    }

    private func members(_ value: JSONValue?) -> [String: JSONValue] {
        if case .object(let members) = value { members } else { [:] }
    }

    @Test("What concerns something of one member has its name in the path, and only upgrades are unsafe to get")
    func forms() {
        for route in Route.allCases {
            let form = route.form
            let hasName = form.path.contains("{")
            switch form.subject {
            case .attempt, .login, .session, .placement, .server:
                #expect(hasName && form.audience == .users, "\(route)")
            case .asker: #expect(form.audience == .users, "\(route)")
            case .askedMember: #expect(form.audience != .users, "\(route)")
            }
            #expect(!form.isSecret || hasName, "\(route)")
            #expect(!form.isUpgrade || form.method == .get, "\(route)")
        }
    }

    @Test(
        "A secret in a path is left out, whatever method it is asked for by",
        arguments: [
            ("/api/v1/login/a-secret", "/api/v1/login/..."), ("/cluster/streams/nonce", "/cluster/streams/..."),
            ("//api/v1//login/a-secret", "/api/v1/login/..."), ("/api/v1/login/a-secret/x", "/api/v1/login/..."),
            ("/api/v1/login", "/api/v1/login"), ("/api/v1/sessions/x/log", "/api/v1/sessions/x/log"),
        ])
    func secrets(path: String, shown: String) { #expect(Route.withoutSecret(path, nil) == shown) }

    @Test(
        "What is below a name concerns whom the name does, also where this version has nothing there",
        arguments: [
            ("/api/v1/sessions/7/hologram", .session, "7"), ("/api/v1/login/x-1", .attempt, "x-1"),
            ("/api/v1/logins/9", .login, "9"), ("//api/v1/sessions//7/x", .session, "7"),
            ("/api/v1/servers/m/hologram", .asker, "m"), ("/api/v1/sessions/", .asker, nil),
            ("/api/v1/holograms", .asker, nil),
            ("/holograms", .askedMember, nil), ("/cluster/streams/7", .askedMember, nil),
        ] as [(String, Route.Subject, String?)])
    func unknown(path: String, subject: Route.Subject, name: String?) {
        #expect(Route.subject(ofUnknown: path) == (subject, name))
    }

    @Test("Members ask where the table says")
    func asked() {
        #expect(Route.gossip.form.path == Message.path && Route.relayConnection.form.path == MemberClient.relayPath)
    }

    @Test("A path is made from a name")
    func paths() {
        #expect(Route.display.path("7") == "/api/v1/sessions/7/display" && Route.me.path("7") == "/api/v1/me")
    }
}

@Suite("The interface in process")
struct InterfaceTests {
    private func reason(_ response: TestResponse) -> String? {
        (try? JSONValue.parse(Array(buffer: response.body)))?.text("reason")
    }

    @Test("Whoever is not logged in gets at nothing but the ways to log in")
    func strangers() async throws {
        let open: Set<Route> = [.loginWays, .logIn, .answerLogin, .cancelLogin, .display]
        let fixture = try await InterfaceFixture()
        try await fixture.test { client in
            for route in Route.allCases where route.form.audience == .users && !open.contains(route) {
                let response = try await client.execute(uri: route.path("x"), method: route.form.method)
                #expect(response.status == .unauthorized && reason(response) == "not-logged-in", "\(route)")
            }
            let ways = try await client.execute(uri: Route.loginWays.form.path, method: .get)
            #expect(ways.status == .ok)
        }
    }

    @Test("A change by cookie needs its token, at every route that changes something")
    func foreignChanges() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        let cookie: HTTPFields = [.cookie: "\(Authentication.cookieName)=\(token.text)"]
        try await fixture.test { client in
            for route in Route.allCases where route.form.audience == .users && !route.isSafe && !route.form.isUpgrade {
                let response = try await client.execute(
                    uri: route.path("x"), method: route.form.method, headers: cookie)
                #expect(response.status == .forbidden && reason(response) == "csrf", "\(route)")
            }
            let me = try await client.execute(uri: Route.me.form.path, method: .get, headers: cookie)
            #expect(me.status == .ok)
        }
    }

    @Test("Every answer has the fields that keep foreign pages out, and an id that the log has too")
    func fields() async throws {
        let fixture = try await InterfaceFixture()
        try await fixture.test { client in
            for path in ["/api/v1/me", "/nowhere", "/cluster/gossip", "/"] {
                let response = try await client.execute(uri: path, method: .get)
                #expect(response.headers[.contentSecurityPolicy]?.contains("frame-ancestors 'none'") == true, "\(path)")
                let id = try #require(response.headers[.requestID])
                #expect(fixture.access.all.contains { $0.hasSuffix(id) }, "\(path)")
            }
        }
    }

    @Test("The log has no secret of a path, and no query")
    func logged() async throws {
        let fixture = try await InterfaceFixture()
        try await fixture.test { client in
            for method in [HTTPRequest.Method.post, .delete, .put] {
                _ = try await client.execute(uri: "/api/v1/login/hushhush?also=hushhush", method: method)
                _ = try await client.execute(uri: "/api//v1/login//hushhush", method: method)
            }
        }
        #expect(fixture.access.all.count == 6 && !fixture.access.all.contains { $0.contains("hushhush") })
    }

    @Test("Types for scripts are given as text to whoever is logged in")
    func scriptTypes() async throws {
        let fixture = try await InterfaceFixture()
        let headers: HTTPFields = [.authorization: "Bearer \(try await fixture.logIn().text)"]
        let folder = "\(fixture.directory.path)/share/fastx/ScriptWorker"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("export type ü = 1;\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/fastx.d.ts"))
        try await fixture.test { client in
            let answer = try await client.execute(uri: Route.scriptTypes.form.path, method: .get, headers: headers)
            #expect(answer.status == .ok && String(buffer: answer.body) == "export type ü = 1;\n")
            #expect(answer.headers[.contentType] == "text/plain; charset=utf-8")
        }
    }

    @Test("What concerns another member is carried there, and what does not stays")
    func carried() async throws {
        let fixture = try await InterfaceFixture()
        fixture.registry.expectSession("elsewhere", at: "other")
        let token = try await fixture.logIn()
        try await fixture.test { client in
            for route in Route.allCases where route.form.subject == .session && !route.form.isUpgrade {
                let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
                let response = try await client.execute(
                    uri: route.path("elsewhere"), method: route.form.method, headers: headers)
                // It is known where, and nothing more of that member.
                #expect(response.status == .badGateway && reason(response) == "unknown-server", "\(route)")
                let own = try await client.execute(uri: route.path("here"), method: route.form.method, headers: headers)
                #expect(own.status != .badGateway, "\(route)")
            }
        }
        let fields = [("authorization", "Bearer \(token.text)")]
        guard case .failure(let problem) = await fixture.upgrade(Route.display.path("elsewhere"), fields) else {
            throw Failure.admitted
        }
        #expect(problem.reason == "unknown-server")
    }

    private enum Failure: Error { case admitted }
}

@Suite("Upgrades")
struct UpgradeTests {
    private func reason(_ fixture: InterfaceFixture, _ path: String, _ fields: [(String, String)] = []) async -> String?
    {
        if case .failure(let problem) = await fixture.upgrade(path, fields) { problem.reason } else { nil }
    }

    @Test("They pass the layers of all requests: origin, login, log")
    func layers() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        let display = Route.display.path("1")
        let cookie = ("cookie", "\(Authentication.cookieName)=\(token.text)")
        #expect(await reason(fixture, display) == "not-logged-in")
        #expect(await reason(fixture, display, [cookie, ("origin", "https://evil.example")]) == "foreign-origin")
        #expect(await reason(fixture, display, [cookie, ("origin", "https://host.example")]) == "no-such-session")
        #expect(fixture.access.all.filter { $0.contains("GET \(display) 4") }.count == 3)
    }

    @Test("A ticket alone decides: not the page's origin, nor a cookie")
    func tickets() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        let fields = [
            ("cookie", "\(Authentication.cookieName)=\(token.text)"), ("origin", "https://other.example"),
            ("sec-websocket-protocol", "binary, fastx-ticket.1234"),
        ]
        #expect(await reason(fixture, Route.display.path("1"), fields) == "bad-ticket")
    }

    @Test("There is none where the table has none, and nothing is done there")
    func elsewhere() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        let bearer = [("authorization", "Bearer \(token.text)")]
        for path in [Route.me.form.path, "/nowhere", Route.home.form.path] {
            #expect(await reason(fixture, path, bearer) == "not-found")
        }
    }

    @Test("A link needs a common key, and the log says once who asked without")
    func links() async throws {
        let fixture = try await InterfaceFixture()
        for _ in 0..<2 { #expect(await reason(fixture, Route.gossip.form.path) == "no-token") }
        #expect(fixture.agentLog.all.filter { $0.hasPrefix("refused a link from 192.0.2.1:5") }.count == 1)
        #expect(await reason(fixture, Route.relayConnection.form.path) == "not-external")
    }

    @Test("An ordinary request is told that only upgrades are taken")
    func ordinary() async throws {
        let fixture = try await InterfaceFixture()
        let token = try await fixture.logIn()
        try await fixture.test { client in
            for path in [Route.gossip.form.path, Route.display.path("1")] {
                let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
                let response = try await client.execute(uri: path, method: .get, headers: headers)
                #expect(response.status == .upgradeRequired, "\(path)")
            }
        }
    }
}
