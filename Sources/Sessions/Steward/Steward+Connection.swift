// The steward's connection to the agent: dialled again and again, read, written.
import Glibc
import OperatingSystem

extension Steward {
    /// How long the agent may take to answer the hello.
    private static let welcomeTimeMax: Duration = .seconds(10)
    /// How long the agent may leave a packet unread.
    private static let sendTimeMax: Duration = .seconds(10)
    /// Requests under way; the agent has the same limit.
    private static let requestCountMax = 64

    func stayConnected() async {
        var backoff = DialBackoff()
        var lastProblem = ""
        while !Task.isCancelled {
            var problem = "the agent closed the connection"
            do {
                let socket = try PacketSocket.connect(arguments.socket, to: arguments.agentUID)
                defer { socket.close() }
                try await greet(socket)
                backoff.reset()
                lastProblem = ""
                try await converse(socket)
            } catch {
                problem = "\(error)"
            }
            disconnected()
            if Task.isCancelled { return }
            // The same words again say nothing new.
            if problem != lastProblem { log(.notice, "not connected to the agent at \(arguments.socket): \(problem)") }
            lastProblem = problem
            if status.tellOnce(problem: problem), livingCount == 0 { return leave("it could not connect at its start") }
            // Thrown when the steward ends.
            try? await Task.sleep(for: backoff.wait(chance: .random(in: 0...1)))
        }
    }

    /// Says hello and takes the welcome.
    private func greet(_ socket: PacketSocket) async throws {
        let hello = StewardHello(
            version: StewardProtocol.version, pid: getpid(), software: StewardCommand.software, sessions: sessions.count
        )
        try socket.send(try MessageCoding.encode(StewardMessage.hello(hello)))
        while !isConnected {
            let received = await TimeLimit.run(Self.welcomeTimeMax) { () async -> Result<Packet?, SystemError> in
                do throws(SystemError) { return .success(try await socket.receive()) } catch {
                    return .failure(error)
                }
            }
            guard let received else {
                throw SystemError.timedOut(what: "the agent's welcome", limit: Self.welcomeTimeMax)
            }
            guard let packet = try received.get() else { throw SystemError.closed }
            try take(try MessageCoding.decode(AgentMessage.self, packet.bytes))
        }
    }

    private func take(_ message: AgentMessage) throws(StewardError) {
        switch message {
        case .welcome(let serverID, let settings, let loginCount):
            guard serverID == arguments.serverID else {
                throw StewardError(.refused, "the agent there is \(serverID) and not \(arguments.serverID)")
            }
            self.settings = settings
            self.loginCount = loginCount
            // Said again where the agent's settings have changed.
            guard !isConnected else { break }
            isConnected = true
            outbox.restart(sessions.keys.sorted())
            bell.ring()
            log(.info, "connected to the agent")
            status.tellConnected()
        case .refused(let error): throw error
        case .logins(let count): loginCount = count
        case .request(let number, let request): begin(number, request)
        }
        reconsider()
    }

    /// Reads and writes until one of both ends.
    private func converse(_ socket: PacketSocket) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while let packet = try await socket.receive() {
                    try await self.take(try MessageCoding.decode(AgentMessage.self, packet.bytes))
                }
            }
            group.addTask {
                while await self.bell.wait() {
                    while let (bytes, descriptor) = try await self.nextPacket() {
                        try await socket.send(bytes, descriptor: descriptor, within: Self.sendTimeMax)
                    }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func nextPacket() throws(SystemError) -> (bytes: [UInt8], descriptor: OwnedDescriptor?)? {
        isSending = true
        while let item = outbox.popFirst() {
            switch item {
            case .removed(let id): return (try MessageCoding.encode(StewardMessage.removed(id: id)), nil)
            case .answer(let number, let answer, let descriptor):
                return (try MessageCoding.encode(StewardMessage.reply(number: number, answer)), descriptor)
            case .changed(let id):
                guard let report = sessions[id]?.report else { continue }
                let bytes = try MessageCoding.encode(StewardMessage.session(report))
                if bytes.count <= PacketSocket.packetBytesMax { return (bytes, nil) }
                return (try MessageCoding.encode(StewardMessage.session(report.shortened)), nil)
            }
        }
        isSending = false
        drained.ring()
        return nil
    }

    /// Viewers are the agent's: without it there are none.
    private func disconnected() {
        isConnected = false
        isSending = false
        drained.ring()
        let now = WallClock.milliseconds()
        for id in sessions.keys.sorted() where sessions[id]?.setClients(0, now: now) == true { save(id) }
        reconsider()
    }

    private func begin(_ number: UInt64, _ request: StewardRequest) {
        guard requestCount < Self.requestCountMax else {
            outbox.answer(number, .failed(StewardError(.busy, "too many requests are under way; try again")), nil)
            return bell.ring()
        }
        requestCount += 1
        Task {
            let (answer, descriptor) = await answer(request)
            requestCount -= 1
            outbox.answer(number, answer, descriptor)
            bell.ring()
        }
    }
}
