// What members tell each other: keys, documents that lose nothing, and their publication.
import Directory
import JSON
import Logging
import OperatingSystem
import Replica
import Store
import Synchronization
import TestSupport
import Testing

@Suite("Leases")
struct LeaseTests {
    @Test(
        "A lease's key is taken apart as it was put together",
        arguments: [
            LeaseKey.server("a"), .login("host-1", id: "0f"), .session("b", id: "x-y"), .reservation("c", id: "r"),
        ])
    func keys(key: LeaseKey) throws {
        let bytes = key.key.bytes
        #expect(unsafe LeaseKey(bytes.span.bytes) == key)
    }

    @Test(
        "What is no lease, or is of nobody's, is none",
        arguments: ["config/motd", "data/server/a", "server/A", "login/a.b/c"])
    func otherKeys(text: String) {
        let bytes = Array(text.utf8)
        #expect(unsafe LeaseKey(bytes.span.bytes) == nil)
    }

    private static let hash = String(repeating: "5a", count: 32)

    @Test("An update keeps what this version does not know, and says no to what it does not say")
    func unknownFields() throws {
        let document: JSONValue = [
            "serverId": "a", "later": ["deep": [1, 2]], "loginsEnabled": "yes", "logins": "many",
        ]
        let update = try #require(ServerUpdate(document, of: "a"))
        #expect(update.document == document)
        #expect(!update.loginsEnabled && !update.sessionsEnabled && !update.isExternal && update.loginCount == 0)
        #expect(update.address == nil && update.origin == nil && update.urls.isEmpty && update.gatewayKeys.isEmpty)
    }

    @Test("An update that calls itself another member's is nobody's")
    func foreignUpdate() {
        #expect(ServerUpdate(["serverId": "b"], of: "a") == nil)
        #expect(ServerUpdate(["serverId": 1], of: "a") == nil)
        #expect(ServerUpdate("a", of: "a") == nil)
        #expect(ServerUpdate([:], of: "a") != nil)
    }

    @Test("A member is reached at its first URL, where it says which certificate it serves")
    func address() throws {
        func address(_ urls: JSONValue, _ hash: JSONValue) throws -> ServerAddress? {
            try #require(ServerUpdate(["urls": urls, "certificateSHA256": hash], of: "a")).address
        }
        let found = try #require(try address(["https://[2001:db8::1]:3301", "https://b"], .string(Self.hash)))
        #expect((found.host, found.port, found.certificateSHA256.count) == ("2001:db8::1", 3_301, 32))
        #expect(try address([], .string(Self.hash)) == nil)
        #expect(try address(["http://b"], .string(Self.hash)) == nil)
        #expect(try address(["https://b"], "5a5a") == nil)
        #expect(try address(["https://b"], .null) == nil)
    }

    @Test("What a member writes of itself is what another one reads")
    func content() throws {
        var reader = HostStatusReader()
        var content = ServerUpdate.Content(serverID: "a", origin: Origin(raw: 0xfeed), host: reader.read())
        content.urls = ["https://a:3300"]
        content.certificateSHA256 = [UInt8](repeating: 7, count: 32)
        content.loginsEnabled = true
        content.counts.logins = 3
        content.counts.secondLogins = 2
        content.counts.sessions = 4
        content.gatewayKeys = ["k"]
        let written = ServerUpdate(content)
        let read = try #require(ServerUpdate(try JSONValue.parse(written.document.canonicalText), of: "a"))
        #expect(read.address == written.address && read.address?.host == "a")
        #expect(read.origin == Origin(raw: 0xfeed) && read.loginCount == 3 && read.sessionCount == 4)
        #expect(read.loginsEnabled && !read.sessionsEnabled && read.gatewayKeys == ["k"])
        #expect(read.hostname == content.host.hostname && read.totalMemory != nil && read.linkCount == 0)
        #expect(read.shown["certificateSHA256"] == nil && read.shown["logins"] == 3)
        #expect(read.document["secondLogins"] == 2)
    }

    @Test("A member that is emptied, or has stopped, takes nobody, as members of earlier versions read it too")
    func closing() throws {
        var reader = HostStatusReader()
        var content = ServerUpdate.Content(serverID: "a", origin: Origin(raw: 1), host: reader.read())
        content.loginsEnabled = true
        content.sessionsEnabled = true
        #expect(!ServerUpdate(content).isDraining && !ServerUpdate(content).isStopped)
        content.isDraining = true
        let draining = ServerUpdate(content)
        #expect(draining.isDraining && !draining.isStopped && draining.shown["state"] == "running")
        content.isDraining = false
        content.stopReason = "for a test"
        let stopped = ServerUpdate(content)
        #expect(stopped.isStopped && stopped.stopReason == "for a test" && stopped.shown["state"] == "stopped")
        for update in [draining, stopped] {
            #expect(!update.loginsEnabled && !update.sessionsEnabled)
            #expect(update.document["loginsEnabled"] == false && update.document["sessionsEnabled"] == false)
        }
    }

    @Test("A login and a session without a user are nobody's")
    func users() {
        #expect(LoginLease(["since": "x"], id: "1", at: "a") == nil)
        #expect(SessionLease(["name": "x"], id: "1", of: "a") == nil)
        let session = SessionLease(id: "1", of: "a", hostname: "h", user: "u", state: ["id": "2", "name": "n"])
        #expect(session.document == ["id": "1", "serverId": "a", "hostname": "h", "user": "u", "name": "n"])
        #expect(SessionLease(session.document, id: "1", of: "a") == session)
    }
}

@Suite("The publisher and the index")
struct PublisherTests {
    private let directory: TemporaryDirectory
    private let store: Store

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store.open(
            directory: directory.path + "/store", options: StoreOptions(), origin: Origin(raw: 1), clock: WallClock.now)
    }

    private func session(_ id: String, _ user: String = "u", of owner: ServerID = "a") -> SessionLease {
        SessionLease(id: id, of: owner, hostname: "h", user: user, state: [:])
    }

    @Test("What is published comes into the index of another member, and what is published no more leaves it")
    func published() async throws {
        let leases = Published([session("1"), session("2")])
        let publisher = LeasePublisher(
            "sessions", store: store, logger: Logger(label: "test"), every: { .seconds(3_600) }
        ) { leases.all }
        let registry = Registry(store: store, serverID: "b")
        let (changes, change) = AsyncStream<(String, Bool)>.makeStream()
        registry.events.observe { event in
            switch event {
            case .session(let session): change.yield((session.id, false))
            case .sessionGone(let session): change.yield((session.id, true))
            default: break
            }
        }
        let running = Task {
            async let index: Void = registry.run(Logger(label: "test"))
            async let publishing: Void = publisher.run()
            _ = await (index, publishing)
        }
        var told: [String] = []
        for await (id, isGone) in changes {
            told.append("\(id) \(isGone)")
            if told.count == 2 {
                leases.set([session("2")])
                publisher.changed()
            }
            if isGone { break }
        }
        #expect(told.sorted().contains("1 true") && registry.session("1") == nil && registry.session("2") != nil)
        #expect(registry.server(ofSession: "2") == "a")
        running.cancel()
        await store.close()
    }

    @Test("What is said last stays said")
    func finished() async throws {
        let (rounds, round) = AsyncStream<Void>.makeStream()
        let publisher = LeasePublisher(
            "sessions", store: store, logger: Logger(label: "test"),
            every: {
                round.yield()
                return .milliseconds(1)
            }
        ) { [Lease(session("usual"))] }
        let running = Task { await publisher.run() }
        var published = rounds.makeAsyncIterator()
        for _ in 0..<3 { await published.next() }
        await publisher.finish(with: [Lease(session("last"))])
        let version = try #require(await publisher.version(of: session("last").key))
        publisher.changed()
        for _ in 0..<10 { await published.next() }
        running.cancel()
        await running.value
        #expect(await publisher.version(of: session("last").key) == version)
        #expect(try store.entries(forKeys: [session("usual").key.key]).batch.entries.first?.isTombstone == true)
        await store.close()
    }

    @Test("What ends while changes were missed is told when the map is read anew")
    func missed() async throws {
        let registry = Registry(store: store, serverID: "b")
        let (events, event) = AsyncStream<RegistryEvent>.makeStream()
        registry.events.observe { event.yield($0) }
        // Nothing may wait: every change is one that was missed.
        let running = Task { await registry.run(Logger(label: "test"), bufferedByteCountMax: 1) }
        func write(_ change: LocalWrite.Change, _ key: LeaseKey) async throws {
            _ = try await store.write([LocalWrite(key: key.key, change: change)])
        }
        let kept = session("kept"), ended = session("ended")
        for session in [kept, ended] {
            let value = Array(session.document.canonicalText.utf8)
            try await write(.put(value, leaseMilliseconds: LeaseKey.milliseconds), session.key)
        }
        var known: Set<String> = []
        for await event in events {
            if case .session(let session) = event { known.insert(session.id) }
            if known.count == 2 { break }
        }
        try await write(.delete, ended.key)
        for await event in events {
            if case .sessionGone(let session) = event {
                #expect(session.id == "ended")
                break
            }
        }
        #expect(registry.session("ended") == nil && registry.session("kept") != nil)
        running.cancel()
        await store.close()
    }

    @Test("A second login at another member is listed, and lets nobody in")
    func secondLogins() async throws {
        let registry = Registry(store: store, serverID: "b")
        let (begun, begin) = AsyncStream<LoginLease>.makeStream()
        registry.events.observe { if case .login(let login) = $0 { begin.yield(login) } }
        let running = Task { await registry.run(Logger(label: "test")) }
        func login(_ id: String, _ claims: [String]) -> LoginLease {
            LoginLease(
                id: id, at: "a", user: "u", groups: [], since: WallClock.now(), lastSeen: WallClock.now(), address: "",
                userAgent: "", hasLink: true, claims: claims)
        }
        let logins = [login("1", []), login("2", ["fastx/daemon"]), login("3", ["something/else"])]
        for login in logins {
            let value = Array(login.document.canonicalText.utf8)
            let put = LocalWrite(key: login.key.key, change: .put(value, leaseMilliseconds: LeaseKey.milliseconds))
            _ = try await store.write([put])
        }
        var known: [LoginLease] = []
        for await login in begun {
            known.append(login)
            if known.count == 3 { break }
        }
        #expect(known.map(\.isSecondLogin) == [false, true, false])
        #expect(registry.logins(of: "u").count == 3)
        #expect(["1", "2", "3"].map { registry.hasLogin($0, at: "a", user: "u") } == [true, false, true])
        running.cancel()
        await store.close()
    }

    @Test("A member is not told of its own sessions, and one member does not speak for another's")
    func owners() async throws {
        let registry = Registry(store: store, serverID: "b")
        let (changes, change) = AsyncStream<SessionLease>.makeStream()
        registry.events.observe { if case .session(let session) = $0 { change.yield(session) } }
        let running = Task { await registry.run(Logger(label: "test")) }
        func write(_ session: SessionLease) async throws {
            let value = Array(session.document.canonicalText.utf8)
            let put = LocalWrite(
                key: session.key.key, change: .put(value, leaseMilliseconds: LeaseKey.milliseconds))
            _ = try await store.write([put])
        }
        try await write(session("own", of: "b"))
        try await write(session("1", "u", of: "a"))
        try await write(session("1", "thief", of: "c"))
        try await write(session("last", of: "c"))
        var told: [SessionLease] = []
        for await session in changes {
            told.append(session)
            if session.id == "last" { break }
        }
        #expect(told.map(\.user) == ["u", "u"] && registry.session("1")?.serverID == "a")
        #expect(registry.session("own") == nil && registry.sessions(of: "thief").isEmpty)
        running.cancel()
        await store.close()
    }
}

/// What a test has published.
private final class Published: Sendable {
    private let leases: Mutex<[SessionLease]>

    init(_ leases: [SessionLease]) { self.leases = Mutex(leases) }

    var all: [Lease] { leases.withLock { $0.map { Lease($0) } } }

    func set(_ new: [SessionLease]) { leases.withLock { $0 = new } }
}
