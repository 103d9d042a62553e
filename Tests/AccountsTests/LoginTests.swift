// Logins: tokens, codes, roles, and what a restart keeps.
import Accounts
import Cluster
import Directory
import Foundation
import Glibc
import Logging
import MemberConfiguration
import OperatingSystem
import Replica
import Sessions
import Store
import TestSupport
import Testing
import Trust

@Suite("Logins")
struct LoginTests {
    private func openStore(_ directory: String) throws -> Store {
        try Store.open(directory: directory, options: StoreOptions(), origin: Origin(raw: 1), clock: WallClock.now)
    }

    private func makeDirectory() -> String {
        NSTemporaryDirectory() + "login-tests-\(UUID().uuidString)"
    }

    private let configuration = LoginConfiguration()

    private func makeKeys(_ store: Store, _ keyRing: KeyRing = KeyRing()) async throws -> UserKeys {
        try await UserKeys(
            serverID: "m", authenticator: MemberAuthenticator(serverID: "m", keyRing: keyRing, proxies: []),
            store: store)
    }

    @Test("What is computed from a token follows from its text alone")
    func token() throws {
        let token = try #require(LoginToken("a.b.c"))
        #expect(LoginToken("a.b.c")?.csrfToken == token.csrfToken)
        #expect(LoginToken("a.b.d")?.csrfToken != token.csrfToken)
        #expect(LoginToken("") == nil && LoginToken(String(repeating: "a", count: 1_025)) == nil)
    }

    @Test("A login is found by its token alone, outlives a restart, and ends for good")
    func lifetime() async throws {
        let directory = makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let user = try UnixUser.current()
        let logger = Logger(label: "test")
        var store = try openStore(directory)
        var book = LoginBook(store: store, keys: try await makeKeys(store), logger: logger)
        let (login, token) = try await book.begin(
            user, configuration, address: "192.0.2.1", userAgent: "a browser\n")
        #expect(login.userAgent.contains("\n") == false)
        #expect(await book.login(of: token, configuration)?.id == login.id)
        let forged = try #require(LoginToken(token.text.dropLast() + (token.text.hasSuffix("A") ? "B" : "A")))
        #expect(await book.login(of: forged, configuration) == nil)
        await store.close()

        store = try openStore(directory)
        book = LoginBook(store: store, keys: try await makeKeys(store), logger: logger)
        await book.load()
        #expect(await book.login(of: token, configuration)?.user == user.name)
        // The secret itself is nowhere on disk.
        let files = try FileManager.default.contentsOfDirectory(atPath: directory)
        for name in files {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))
            #expect(data.range(of: Data(token.text.utf8)) == nil)
            #expect(data.range(of: Data(token.text.split(separator: ".")[2].utf8)) == nil)
        }
        #expect(await book.end(login.id))
        #expect(await !book.end(login.id))
        #expect(await book.login(of: token, configuration) == nil)
        await store.close()

        store = try openStore(directory)
        book = LoginBook(store: store, keys: try await makeKeys(store), logger: logger)
        await book.load()
        #expect(await book.login(of: token, configuration) == nil)
        await store.close()
    }

    @Test("A second login allows starts until it ends, outlives a restart, gives way to the next one, and has no token")
    func second() async throws {
        let directory = makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let user = try UnixUser.current()
        let logger = Logger(label: "test")
        var store = try openStore(directory)
        var book = LoginBook(store: store, keys: try await makeKeys(store), logger: logger)
        #expect(await !book.allowsStart(of: user.uid, configuration))
        let earlier = try await book.beginSecond(user, address: "192.0.2.1", userAgent: "a browser")
        let second = try await book.beginSecond(user, address: "192.0.2.2", userAgent: "a browser")
        #expect(await book.all == [second] && earlier.id != second.id)
        #expect(second.isSecondLogin && second.lease(at: "m", hasLink: true).isSecondLogin)
        #expect(second.claims == ["fastx/daemon"] && second.tokenHash.count == 32)
        #expect(second.tokenHash != earlier.tokenHash)
        await store.close()

        store = try openStore(directory)
        book = LoginBook(store: store, keys: try await makeKeys(store), logger: logger)
        await book.load()
        #expect(await book.all == [second])
        #expect(await book.allowsStart(of: user.uid, configuration))
        // A start is a use of it.
        let used = try #require(await book[second.id])
        #expect(used.lastSeen >= second.lastSeen)
        #expect(await book.end(second.id))
        #expect(await !book.allowsStart(of: user.uid, configuration))

        // A login of any kind allows it as well, and is not pushed out by second ones.
        let (login, _) = try await book.begin(user, configuration, address: "", userAgent: "")
        #expect(!login.isSecondLogin)
        #expect(await book.allowsStart(of: user.uid, configuration))
        _ = try await book.beginSecond(user, address: "", userAgent: "")
        for _ in 1..<LoginBook.perUserMax {
            _ = try await book.begin(user, configuration, address: "", userAgent: "")
        }
        #expect(await book[login.id] != nil)
        #expect(await book.logins(of: user.uid).count == LoginBook.perUserMax + 1)
        await store.close()
    }

    @Test("A user with too many logins loses the one unused for longest")
    func tooMany() async throws {
        let directory = makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try openStore(directory)
        let book = LoginBook(
            store: store, keys: try await makeKeys(store), logger: Logger(label: "test"))
        let user = try UnixUser.current()
        var tokens: [LoginToken] = []
        for _ in 0...LoginBook.perUserMax {
            tokens.append(try await book.begin(user, configuration, address: "", userAgent: "").1)
        }
        #expect(await book.logins(of: user.uid).count == LoginBook.perUserMax)
        #expect(await book.login(of: try #require(tokens.last), configuration) != nil)
        await store.close()
    }

    @Test("A login for one start says what it is, is over in five minutes, and is gone after a restart")
    func oneStart() async throws {
        let directory = makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (user, logger) = (try UnixUser.current(), Logger(label: "test"))
        let full = try KeyRing([try ClusterKey(secret: Secret([UInt8](repeating: 7, count: 32)), scope: .full)])
        var store = try openStore(directory)
        var book = LoginBook(store: store, keys: try await makeKeys(store, full), logger: logger)
        let (login, token) = try #require(try await book.beginForOneStart(user, userAgent: "a program"))
        #expect(login.claims == [LoginLease.oneStartClaim])
        #expect(await book.login(of: token, configuration)?.user == user.name)
        #expect(!login.hasEnded(at: WallTime(milliseconds: login.since.milliseconds + 299_999), configuration))
        #expect(login.hasEnded(at: WallTime(milliseconds: login.since.milliseconds + 300_000), configuration))
        await store.close()

        store = try openStore(directory)
        book = LoginBook(store: store, keys: try await makeKeys(store, full), logger: logger)
        await book.load()
        #expect(await book.all.isEmpty)
        await store.close()
    }

    @Test("Without a full cluster key nobody is vouched for at other members")
    func noOneStart() async throws {
        let directory = makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try openStore(directory)
        let book = LoginBook(store: store, keys: try await makeKeys(store), logger: Logger(label: "test"))
        #expect(try await book.beginForOneStart(try UnixUser.current(), userAgent: "") == nil)
        #expect(await book.all.isEmpty)
        await store.close()
    }

    @Test("A login ends by its age, and when nobody uses it")
    func ends() {
        let now = WallTime(milliseconds: 1_000 * 3_600_000)
        func login(sinceHours: UInt64, seenHours: UInt64) -> Login {
            Login(
                id: "x", user: "ann", uid: 1, groups: [],
                since: WallTime(milliseconds: now.milliseconds - sinceHours * 3_600_000), address: "", userAgent: "",
                claims: [], tokenHash: [],
                lastSeen: WallTime(milliseconds: now.milliseconds - seenHours * 3_600_000))
        }
        #expect(!login(sinceHours: 167, seenHours: 71).hasEnded(at: now, configuration))
        #expect(login(sinceHours: 168, seenHours: 1).hasEnded(at: now, configuration))
        #expect(login(sinceHours: 100, seenHours: 72).hasEnded(at: now, configuration))
    }

    @Test("A code logs in once, and for ten minutes")
    func codes() {
        var codes = LoginCodes()
        let now = ContinuousClock.now
        let code = codes.make(at: now)
        let old = codes.make(at: now)
        let isWrongTaken = codes.use("\(code)0", at: now)
        let isTaken = codes.use(code, at: now)
        let isTakenTwice = codes.use(code, at: now)
        let isOldTaken = codes.use(old, at: now + .seconds(600))
        #expect(!isWrongTaken && isTaken && !isTakenTwice && !isOldTaken)
    }

    @Test("Roles come from names and groups")
    func roles() {
        var configuration = LoginConfiguration()
        configuration.managers = RoleMembers(users: ["ann"], groups: ["ops"])
        configuration.admins = RoleMembers(users: [], groups: ["root-ish"])
        func role(_ user: String, _ groups: [String] = []) -> Role {
            Role(of: user, uid: 4_000_000, groups: groups, configuration)
        }
        #expect(role("bob", ["users"]) == .user)
        #expect(role("ann") == .manager)
        #expect(role("bob", ["ops"]) == .manager)
        #expect(role("bob", ["ops", "root-ish"]) == .admin)
        configuration.ways = [.own]
        #expect(Role(of: "whoever", uid: geteuid(), groups: [], configuration) == .admin)
    }
}
