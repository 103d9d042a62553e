// A connection's life on the agent's side: hello, reports and answers, end.
import Glibc
import OperatingSystem
import Synchronization

extension StewardServer {
    /// Judges a new connection and serves it in a task of its own.
    func greet(_ socket: PacketSocket) {
        let uid = socket.peer.uid
        guard isAllowed(uid) else {
            refuse(socket, StewardError(.refused, "the agent accepts no steward of user \(uid)"))
            return
        }
        let isCounted = table.withLock { table in
            !table.isClosed
                && table.beginGreeting(
                    uid, countMax: options.greetingCountMax, countForUserMax: options.greetingCountForUserMax)
        }
        guard isCounted else {
            refuse(socket, StewardError(.busy, "too many stewards are connecting to the agent; try again"))
            return
        }
        Task { [weak self, limit = options.helloTimeMax] in
            // A self that is gone closes the socket with its last reference.
            let first = await TimeLimit.run(limit) { await Self.receive(socket) } ?? .failure(.closed)
            guard let self, let number = self.admit(socket, first) else { return }
            await Self.serve(socket, number) { [weak self] in self }
        }
    }

    private func refuse(_ socket: PacketSocket, _ reason: StewardError) {
        log(.notice, "connection of a process of user \(socket.peer.uid) refused: \(reason)")
        send(.refused(reason), to: socket, socket.peer.uid)
        socket.close()
    }

    /// Takes the first message. Returns the connection's number, or `nil` when it was refused.
    private func admit(_ socket: PacketSocket, _ first: Result<Packet?, SystemError>) -> UInt64? {
        let uid = socket.peer.uid
        defer { table.withLock { $0.endGreeting(uid) } }
        let hello: StewardHello
        do throws(SystemError) {
            guard let packet = try first.get() else { throw .closed }
            guard case .hello(let said) = try MessageCoding.decode(StewardMessage.self, packet.bytes) else {
                throw .malformed(subject: "the first message", detail: "it is not a hello")
            }
            hello = said
        } catch {
            log(.notice, "a process of user \(uid) connected but said no hello: \(error)")
            socket.close()
            return nil
        }
        guard (StewardProtocol.oldestVersion...StewardProtocol.version).contains(hello.version) else {
            let advice = "the agent speaks versions \(StewardProtocol.oldestVersion) to \(StewardProtocol.version)"
            refuse(socket, StewardError(.version, "the steward speaks version \(hello.version) and \(advice)"))
            return nil
        }
        return connect(socket, hello)
    }

    /// Puts a connection into the table, in place of an older one of the same user.
    private func connect(_ socket: PacketSocket, _ hello: StewardHello) -> UInt64? {
        let uid = socket.peer.uid
        let number = table.withLock { $0.nextNumber() }
        let older = table.withLock { table -> ConnectedSteward? in
            // Ended below at once when the server was closed meanwhile.
            guard !table.isClosed else { return ConnectedSteward(number: number, socket: socket) }
            Self.tell(.connected(uid), &table)
            return table.stewards.updateValue(ConnectedSteward(number: number, socket: socket), forKey: uid)
        }
        if let older { Self.end(older) }
        // The program's name is the user's word: it is shown short and in one line.
        let software = hello.software.prefix(60).filter { !$0.isNewline }
        log(.info, "steward \(socket.peer.pid) of user \(uid) connected (\(software))")
        let (settings, loginCount) = table.withLock { ($0.settings, $0.loginCounts[uid] ?? 0) }
        let welcome = AgentMessage.welcome(serverID: options.serverID, settings: settings, loginCount: loginCount)
        send(welcome, to: socket, uid)
        for waiter in table.withLock({ $0.takeWaiters(uid) }) { waiter.resume(returning: true) }
        return number
    }

    private static func receive(_ socket: PacketSocket) async -> Result<Packet?, SystemError> {
        do throws(SystemError) { return .success(try await socket.receive()) } catch { return .failure(error) }
    }

    /// Reads until the end. The server is asked for anew with each packet, so that a connection does not keep it.
    private static func serve(_ socket: PacketSocket, _ number: UInt64, _ server: () -> StewardServer?) async {
        var problem: SystemError?
        var budget = MessageBudget(now: .now)
        do throws(SystemError) {
            while let packet = try await socket.receive() {
                guard let server = server() else { break }
                guard budget.take(now: .now) else {
                    throw .brokenPacket(detail: "over \(MessageBudget.perSecond) packets came in a second, for long")
                }
                try server.take(packet, socket.peer.uid, number)
            }
        } catch {
            problem = error
        }
        socket.close()
        server()?.disconnect(socket.peer.uid, number, problem)
    }

    private func disconnect(_ uid: uid_t, _ number: UInt64, _ problem: SystemError?) {
        let steward = table.withLock { table -> ConnectedSteward? in
            guard table.stewards[uid]?.number == number else { return nil }
            Self.tell(.disconnected(uid), &table)
            return table.stewards.removeValue(forKey: uid)
        }
        if let problem { log(.warning, "steward of user \(uid): \(problem); its connection was closed") }
        guard let steward else { return }
        log(.info, "steward of user \(uid) disconnected")
        Self.end(steward)
    }

    /// One message of a connected steward. An error ends the connection.
    private func take(_ packet: Packet, _ uid: uid_t, _ number: UInt64) throws(SystemError) {
        switch try MessageCoding.decode(StewardMessage.self, packet.bytes) {
        case .hello:
            throw .malformed(subject: "a message", detail: "a second hello")
        case .session(let report):
            try report.check()
            let (isKept, countMax) = table.withLock { table -> (Bool, Int) in
                let countMax = table.sessionCountMax
                guard table.stewards[uid]?.number == number else { return (true, countMax) }
                let count = table.stewards[uid]?.sessions.count ?? 0
                guard count < countMax || table.stewards[uid]?.sessions[report.id] != nil else {
                    return (false, countMax)
                }
                table.stewards[uid]?.sessions[report.id] = report
                Self.tell(.session(uid, report), &table)
                return (true, countMax)
            }
            guard isKept else {
                throw .malformed(subject: "a message", detail: "over \(countMax) sessions were reported")
            }
        case .removed(let id):
            table.withLock { table in
                guard table.stewards[uid]?.number == number else { return }
                if table.stewards[uid]?.sessions.removeValue(forKey: id) != nil {
                    Self.tell(.removed(uid, id: id), &table)
                }
            }
        case .reply(let request, let answer):
            guard let pending = table.withLock({ $0.takeRequest(uid, connection: number, request) }) else { return }
            pending.timer.cancel()
            pending.continuation.resume(returning: Self.reply(to: pending.request, answer, packet.descriptor))
        }
    }
}
