// The agent's end of stewards, with peers that keep the rules and peers that do not.
import Glibc
import OperatingSystem
import Sessions
import Synchronization
import TestSupport
import Testing

@Suite("The agent's end of stewards")
struct StewardServerTests {
    private static let id = String(repeating: "0a", count: 16)

    /// A server whose stewards are this test.
    private final class Fixture: Sendable {
        let directory: TemporaryDirectory
        let server: StewardServer

        init(
            _ options: StewardServer.Options = StewardServer.Options(serverID: "s"),
            isAllowed: @escaping @Sendable (uid_t) -> Bool = { _ in true }
        ) throws {
            directory = try TemporaryDirectory()
            server = try StewardServer(
                path: directory.path + "/agent/socket", options: options, isAllowed: isAllowed, log: { _, _ in })
        }

        deinit { server.close() }

        func connect() throws -> PacketSocket {
            try PacketSocket.connect(directory.path + "/agent/socket", to: geteuid())
        }

        /// Connected and welcomed.
        func steward(version: Int = StewardProtocol.version) async throws -> PacketSocket {
            let socket = try connect()
            let hello = StewardHello(version: version, pid: getpid(), software: "test", sessions: 0)
            try socket.send(try MessageCoding.encode(StewardMessage.hello(hello)))
            guard case .welcome("s", _, _) = try await next(socket) else {
                throw StewardError(.badMessage, "no welcome")
            }
            return socket
        }
    }

    private static func next(_ socket: PacketSocket) async throws -> AgentMessage {
        let packet = try #require(try await socket.receive())
        return try MessageCoding.decode(AgentMessage.self, packet.bytes)
    }

    private static func send(_ message: StewardMessage, _ socket: PacketSocket, _ descriptor: OwnedDescriptor? = nil)
        throws
    {
        try socket.send(try MessageCoding.encode(message), descriptor: descriptor)
    }

    @Test("The socket is everybody's, its directory the agent's alone")
    func modes() throws {
        let fixture = try Fixture()
        var status = stat()
        #expect(unsafe stat(fixture.directory.path + "/agent/socket", &status) == 0 && status.st_mode & 0o777 == 0o666)
        #expect(unsafe stat(fixture.directory.path + "/agent", &status) == 0 && status.st_mode & 0o7777 == 0o755)
    }

    @Test("A directory that others may change is refused")
    func openDirectory() throws {
        let directory = try TemporaryDirectory()
        #expect(unsafe chmod(directory.path, 0o777) == 0)
        #expect(throws: SystemError.self) {
            try StewardServer(
                path: directory.path + "/socket", options: StewardServer.Options(serverID: "s"),
                isAllowed: { _ in true },
                log: { _, _ in })
        }
    }

    @Test("A steward is known once it has said hello, with what it reports, and forgotten at its end")
    func reports() async throws {
        let fixture = try Fixture()
        let server = fixture.server
        let uid = geteuid()
        var events = server.events.makeAsyncIterator()
        server.setLoginCount(uid, 3)
        let socket = try fixture.connect()
        #expect(!server.isConnected(uid))
        try Self.send(.hello(StewardHello(version: 1, pid: 1, software: "test", sessions: 1)), socket)
        guard case .welcome(_, let settings, 3) = try await Self.next(socket) else {
            throw StewardError(.badMessage, "")
        }
        #expect(settings == StewardSettings())
        #expect(await events.next() == .connected(uid))
        let report = try Reports.make(id: Self.id)
        try Self.send(.session(report), socket)
        #expect(await events.next() == .session(uid, report))
        #expect(server.sessions(uid) == [report])
        try Self.send(.removed(id: Self.id), socket)
        #expect(await events.next() == .removed(uid, id: Self.id))
        server.setLoginCount(uid, 0)
        guard case .logins(0) = try await Self.next(socket) else { throw StewardError(.badMessage, "") }
        socket.close()
        #expect(await events.next() == .disconnected(uid))
        #expect(!server.isConnected(uid) && server.sessions(uid).isEmpty)
    }

    @Test("A newer steward of a user takes the older one's place")
    func replacement() async throws {
        let fixture = try Fixture()
        let first = try await fixture.steward()
        try Self.send(.session(try Reports.make(id: Self.id)), first)
        let second = try await fixture.steward()
        #expect(try await first.receive() == nil)
        #expect(fixture.server.isConnected(geteuid()) && fixture.server.sessions(geteuid()).isEmpty)
        withExtendedLifetime(second) {}
    }

    @Test("A user who is not allowed is told so")
    func notAllowed() async throws {
        let fixture = try Fixture(isAllowed: { _ in false })
        guard case .refused(let error) = try await Self.next(try fixture.connect()) else {
            throw StewardError(.badMessage, "")
        }
        #expect(error.word == .refused)
    }

    @Test("A version that this agent does not know is told so", arguments: [0, StewardProtocol.version + 1])
    func versions(version: Int) async throws {
        let fixture = try Fixture()
        let socket = try fixture.connect()
        try Self.send(.hello(StewardHello(version: version, pid: 1, software: "test", sessions: 0)), socket)
        guard case .refused(let error) = try await Self.next(socket) else { throw StewardError(.badMessage, "") }
        #expect(error.word == .version)
        #expect(try await socket.receive() == nil)
    }

    @Test("Who says no hello is cut off, and keeps nobody else out")
    func silence() async throws {
        var options = StewardServer.Options(serverID: "s")
        options.helloTimeMax = .milliseconds(300)
        options.greetingCountForUserMax = 2
        let fixture = try Fixture(options)
        let silent = [try fixture.connect(), try fixture.connect()]
        guard case .refused(let error) = try await Self.next(try fixture.connect()) else {
            throw StewardError(.badMessage, "")
        }
        #expect(error.word == .busy)
        for socket in silent { #expect(try await socket.receive() == nil) }
        let socket = try await fixture.steward()
        withExtendedLifetime(socket) {}
    }

    @Test(
        "A steward that breaks the rules is cut off",
        arguments: [
            "", "x", "{}", #"{"hello":{"_0":{"version":1,"pid":1,"software":"again","sessions":0}}}"#,
            #"{"session":{"_0":{"id":"../../etc","name":"n","command":"c","geometry":"800x600","params":{},"state":"running","started":1,"clients":0,"memoryBytes":0,"cpuPercent":0,"forgotten":false}}}"#,
            #"{"session":{"_0":{"id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","name":"a\nb","command":"c","geometry":"800x600","params":{},"state":"running","started":1,"clients":0,"memoryBytes":0,"cpuPercent":0,"forgotten":false}}}"#,
        ])
    func nonsense(text: String) async throws {
        let fixture = try Fixture()
        let socket = try await fixture.steward()
        if text.isEmpty { socket.close() } else { try socket.send(Array(text.utf8)) }
        #expect(try await socket.receive() == nil)
    }

    @Test("More sessions than a steward may have cut it off")
    func tooMany() async throws {
        var options = StewardServer.Options(serverID: "s")
        options.sessionCountMax = 1
        let fixture = try Fixture(options)
        let socket = try await fixture.steward()
        try Self.send(.session(try Reports.make(id: Self.id)), socket)
        try Self.send(.session(try Reports.make(id: Self.id)), socket)
        try Self.send(.session(try Reports.make(id: String(repeating: "1b", count: 16))), socket)
        #expect(try await socket.receive() == nil)
    }

    @Test("New settings are told to the stewards that are there, and to those that come")
    func settings() async throws {
        let fixture = try Fixture()
        let socket = try await fixture.steward()
        let settings = StewardSettings(sessionCountMax: 3, forgottenSeconds: 7)
        fixture.server.update(settings)
        guard case .welcome("s", settings, 0) = try await Self.next(socket) else {
            throw StewardError(.badMessage, "no welcome")
        }
    }

    @Test("Waiting for a steward ends with its connection, or with the time")
    func waiting() async throws {
        let fixture = try Fixture()
        #expect(await fixture.server.waitForSteward(geteuid(), within: .milliseconds(20)) == false)
        let server = fixture.server
        async let isConnected = server.waitForSteward(geteuid(), within: .seconds(30))
        let socket = try await fixture.steward()
        #expect(await isConnected)
        #expect(await server.waitForSteward(geteuid(), within: .zero))
        withExtendedLifetime(socket) {}
    }

    @Test("Without a steward a request fails at once")
    func notConnected() async throws {
        let fixture = try Fixture()
        let error = await #expect(throws: StewardError.self) { try await fixture.server.request(geteuid(), .end) }
        #expect(error?.word == .notConnected)
    }

    @Test("A request that is not answered ends with its time, and a late answer is nobody's")
    func timeOut() async throws {
        var options = StewardServer.Options(serverID: "s")
        options.requestTimeMax = .milliseconds(50)
        let fixture = try Fixture(options)
        let socket = try await fixture.steward()
        let error = await #expect(throws: StewardError.self) { try await fixture.server.request(geteuid(), .end) }
        #expect(error?.word == .timedOut)
        guard case .request(let number, .end) = try await Self.next(socket) else { throw StewardError(.badMessage, "") }
        try Self.send(.reply(number: number, .done), socket)
        // Still connected.
        try Self.send(.session(try Reports.make(id: Self.id)), socket)
        let event = await fixture.server.events.first { event in
            if case .session = event { return true }
            return false
        }
        #expect(event != nil)
    }

    @Test("A steward's own error is the asker's")
    func errors() async throws {
        let fixture = try Fixture()
        let server = fixture.server
        let socket = try await fixture.steward()
        let reply = Task { try await server.request(geteuid(), .terminate(id: Self.id)) }
        guard case .request(let number, .terminate) = try await Self.next(socket) else {
            throw StewardError(.badMessage, "")
        }
        try Self.send(.reply(number: number, .failed(StewardError(.noSuchSession, "none"))), socket)
        let answer = await #expect(throws: StewardError.self) { try await reply.value }
        #expect(answer == StewardError(.noSuchSession, "none"))
    }

    @Test("A request whose task is cancelled, or whose steward goes, ends")
    func ends() async throws {
        let fixture = try Fixture()
        let server = fixture.server
        let socket = try await fixture.steward()
        let task = Task { try await server.request(geteuid(), .end) }
        _ = try await Self.next(socket)
        task.cancel()
        let cancelled = await #expect(throws: StewardError.self) { try await task.value }
        #expect(cancelled?.word == .cancelled)
        let other = Task { try await server.request(geteuid(), .end) }
        _ = try await Self.next(socket)
        socket.close()
        let gone = await #expect(throws: StewardError.self) { try await other.value }
        #expect(gone?.word == .notConnected)
    }

    @Test("More requests than allowed are refused at once")
    func busy() async throws {
        var options = StewardServer.Options(serverID: "s")
        options.requestCountMax = 1
        let fixture = try Fixture(options)
        let server = fixture.server
        let socket = try await fixture.steward()
        let first = Task { try await server.request(geteuid(), .end) }
        _ = try await Self.next(socket)
        let error = await #expect(throws: StewardError.self) { try await server.request(geteuid(), .end) }
        #expect(error?.word == .busy)
        first.cancel()
    }

    @Test("What comes instead of a display or a picture is refused and closed")
    func wrongDescriptors() async throws {
        let fixture = try Fixture()
        let server = fixture.server
        let socket = try await fixture.steward()
        let pipe = try TestPipe()
        for request in [
            StewardRequest.openDisplay(id: Self.id), .log(id: Self.id), .screenshot(id: Self.id, maxWidth: 9),
        ] {
            let reply = Task { try await server.request(geteuid(), request) }
            guard case .request(let number, _) = try await Self.next(socket) else {
                throw StewardError(.badMessage, "")
            }
            try Self.send(.reply(number: number, .descriptor), socket, pipe.writing)
            let error = await #expect(throws: StewardError.self) { try await reply.value }
            #expect(error?.word == .badMessage)
        }
        pipe.closeWriting()
        #expect(pipe.isAtEnd)
    }

    @Test("The end of the server ends everything that waits for it")
    func closing() async throws {
        let fixture = try Fixture()
        let server = fixture.server
        let socket = try await fixture.steward()
        var events = server.events.makeAsyncIterator()
        #expect(await events.next() == .connected(geteuid()))
        let request = Task { try await server.request(geteuid(), .end) }
        _ = try await Self.next(socket)
        async let event = server.events.first { _ in true }
        async let isConnected = server.waitForSteward(geteuid() + 1, within: .seconds(60))
        server.close()
        #expect(await event == nil)
        #expect(await isConnected == false)
        await #expect(throws: StewardError.self) { try await request.value }
        #expect(try await socket.receive() == nil)
    }
}
