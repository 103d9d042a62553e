// Who is recognised by what a request carries, and which requests of foreign pages are refused.
import Accounts
import Cluster
import Directory
import Foundation
import Gateway
import Logging
import MemberConfiguration
import OperatingSystem
import Replica
import Sessions
import Store
import TestSupport
import Testing
import Trust

@Suite("Authentication")
struct AuthenticationTests {
    private struct Case: Sendable, CustomTestStringConvertible {
        var method = "GET"
        var cookie = true
        var bearer = false
        var csrf = false
        var origin: String?
        /// nil: nobody; else recognised or refused with this reason.
        var expected: String?

        var testDescription: String { "\(method) cookie \(cookie) csrf \(csrf) origin \(origin ?? "none")" }
    }

    private static let cases = [
        Case(expected: "recognised"),
        Case(cookie: false, expected: nil),
        Case(method: "POST", expected: "csrf"),
        Case(method: "POST", csrf: true, expected: "recognised"),
        Case(method: "DELETE", csrf: true, origin: "https://a.example:3300", expected: "recognised"),
        Case(method: "DELETE", csrf: true, origin: "https://evil.example", expected: "foreign-origin"),
        Case(method: "DELETE", csrf: true, origin: "null", expected: "foreign-origin"),
        Case(method: "PATCH", csrf: true, origin: "https://a.example:3300.evil.example", expected: "foreign-origin"),
        Case(method: "POST", cookie: false, bearer: true, expected: "recognised"),
    ]

    @Test("Changes by cookie need the CSRF token and a page of this member", arguments: cases)
    private func recognised(what: Case) async throws {
        let directory = NSTemporaryDirectory() + "authentication-tests-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try Store.open(
            directory: directory, options: StoreOptions(), origin: Origin(raw: 1), clock: WallClock.now)
        let keys = try await UserKeys(
            serverID: "m", authenticator: MemberAuthenticator(serverID: "m", keyRing: KeyRing(), proxies: []),
            store: store)
        let book = LoginBook(store: store, keys: keys, logger: Logger(label: "test"))
        let (login, token) = try await book.begin(
            try UnixUser.current(), LoginConfiguration(), address: "", userAgent: "")
        let authentication = Authentication(
            serverID: "m", book: book, keys: keys, registry: Registry(store: store, serverID: "m")
        ) { LoginConfiguration() }
        var outcome: String?
        do throws(Problem) {
            let identity = try await authentication.identity(
                method: what.method,
                cookies: what.cookie ? ["theme=dark; \(Authentication.cookieName)=\(token.text)"] : [],
                authorization: what.bearer ? "Bearer \(token.text)" : nil, csrfToken: what.csrf ? token.csrfToken : nil,
                origin: what.origin, host: "a.example:3300")
            outcome = identity.map { $0.loginID == login.id ? "recognised" : "somebody else" }
        } catch {
            outcome = error.reason
        }
        #expect(outcome == what.expected)
        await store.close()
    }
}
