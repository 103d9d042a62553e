// The agent's end of all stewards of its host: listens, judges peers, keeps what they report.
package import Glibc
package import OperatingSystem
package import Replica
import Synchronization

/// Where stewards of this host connect to, one for each user.
///
/// Who a steward speaks for is the user that the kernel says it runs as: it can report and open sessions of that
/// user only. What it sends is a user's word, not the agent's.
package final class StewardServer: Sendable {
    /// Limits and times, and what stewards are told of their member.
    package struct Options: Sendable {
        /// The member that sessions belong to, told to stewards with the welcome.
        package var serverID: ServerID
        /// What stewards are told until `update` says otherwise.
        package var settings: StewardSettings
        /// Connections that may be waiting to say hello, of all users.
        package var greetingCountMax = 64
        /// The same of one user, so that no user can keep the others out.
        package var greetingCountForUserMax = 4
        /// How long a hello may take.
        package var helloTimeMax: Duration = .seconds(5)
        /// Requests under way with one steward.
        package var requestCountMax = 64
        /// How long an answer may take.
        package var requestTimeMax: Duration = .seconds(15)
        /// Sessions that one steward may report: those that may live, and those that have ended.
        package var sessionCountMax: Int

        /// The rest has defaults, to be set afterwards.
        package init(serverID: ServerID, settings: StewardSettings = StewardSettings()) {
            self.serverID = serverID
            self.settings = settings
            sessionCountMax = settings.reportedCountMax
        }
    }

    let options: Options
    let isAllowed: @Sendable (uid_t) -> Bool
    let log: SessionsLog
    let table: Mutex<StewardTable>
    private let listener: PacketListener
    private let accepting = Mutex(Task<Void, Never>?.none)

    /// Listens at `path`, in a directory that is made with mode 0755 where it is missing, and that only this process's
    /// user or root may change.
    ///
    /// - Parameter isAllowed: Whether a user may have a steward. Asked at each connection, on any thread.
    package init(
        path: String, options: Options, isAllowed: @escaping @Sendable (uid_t) -> Bool, log: @escaping SessionsLog
    ) throws(SystemError) {
        try Self.prepareDirectory(PrivateDirectory.parent(of: path))
        self.options = options
        table = Mutex(StewardTable(settings: options.settings, sessionCountMax: options.sessionCountMax))
        self.isAllowed = isAllowed
        self.log = log
        // Everybody may connect: who it is counts, and is asked of the kernel.
        listener = try PacketListener.listen(path, mode: 0o666)
        let task = Task { [weak self, listener] in
            while let socket = await Self.accept(listener, log) {
                guard let self else { break }
                self.greet(socket)
            }
        }
        accepting.withLock { $0 = task }
    }

    deinit { close() }

    private static func prepareDirectory(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o755) == 0 {
            guard unsafe chmod(path, 0o755) == 0 else { throw .call(name: "chmod", subject: path, code: errno) }
            return
        }
        guard errno == EEXIST else { throw .call(name: "mkdir", subject: path, code: errno) }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw .call(name: "lstat", subject: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .notPrivate(path: path, detail: "is not a directory; move it away")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o022 == 0 else {
            throw .notPrivate(
                path: path,
                detail: "can be changed by other users, who could put a socket of theirs in the agent's place; "
                    + "run: chown \(geteuid()) \(path); chmod 755 \(path)")
        }
    }

    private static func accept(_ listener: PacketListener, _ log: SessionsLog) async -> PacketSocket? {
        do throws(SystemError) {
            return try await listener.accept()
        } catch {
            log(.error, "no steward can connect any more: \(error)")
            return nil
        }
    }

    /// Ends all connections and stops listening. Sessions and stewards live on.
    package func close() {
        listener.close()
        accepting.withLock { $0?.cancel() }
        let (stewards, reader, waiters) = table.withLock { table in
            table.isClosed = true
            let stewards = table.stewards
            table.stewards = [:]
            defer { table.eventReader = nil }
            let waiters = Array(table.stewardWaiters.keys).flatMap { table.takeWaiters($0) }
            return (stewards, table.eventReader, waiters)
        }
        for steward in stewards.values { Self.end(steward) }
        reader?.resume(returning: nil)
        for waiter in waiters { waiter.resume(returning: false) }
    }

    /// Closes a connection whose entry was taken out of the table, and answers what it left open.
    static func end(_ steward: ConnectedSteward) {
        steward.socket.close()
        for pending in steward.requests.values {
            pending.timer.cancel()
            pending.continuation.resume(
                returning: .failure(StewardError(.notConnected, "the user's steward went away before it answered")))
        }
    }
}

extension StewardServer {
    /// Changes, as they happen. For one reader; it ends when the server is closed or the reading task is cancelled.
    package var events: AsyncStream<StewardEvent> {
        AsyncStream(unfolding: { [weak self] in await self?.nextEvent() })
    }

    private func nextEvent() async -> StewardEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let (event, previous, isReady) = table.withLock { table in
                    let event = isCancelled ? nil : table.events.popFirst()
                    let isReady = event != nil || isCancelled || table.isClosed
                    let previous = table.eventReader
                    table.eventReader = isReady ? nil : continuation
                    return (event, previous, isReady)
                }
                // A second reader takes the first one's place.
                previous?.resume(returning: nil)
                if isReady { continuation.resume(returning: event) }
                // Cancelled between the question above and the lock.
                if Task.isCancelled { dismissReader() }
            }
        } onCancel: {
            dismissReader()
        }
    }

    private func dismissReader() {
        let reader = table.withLock { table in
            defer { table.eventReader = nil }
            return table.eventReader
        }
        reader?.resume(returning: nil)
    }

    /// Hands an event over, or keeps it until it is read. Called with the lock held, so that events keep their order;
    /// resuming a continuation runs nothing of its task here.
    static func tell(_ event: StewardEvent, _ table: inout StewardTable) {
        table.events.append(event)
        guard let reader = table.eventReader, let first = table.events.popFirst() else { return }
        table.eventReader = nil
        reader.resume(returning: first)
    }

    /// Whether a steward of the user has said hello and has not gone since.
    package func isConnected(_ uid: uid_t) -> Bool {
        table.withLock { $0.stewards[uid] != nil }
    }

    /// Users whose stewards are connected.
    package var connectedUsers: [uid_t] {
        table.withLock { $0.stewards.keys.sorted() }
    }

    /// What the user's steward has reported, oldest first; empty when none is connected.
    package func sessions(_ uid: uid_t) -> [SessionReport] {
        let reports = table.withLock { $0.stewards[uid]?.sessions.values.map { $0 } ?? [] }
        return reports.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
    }

    /// Tells all stewards what the agent wants of them from now on. Sessions that live already are not ended.
    ///
    /// They are welcomed again: those of older versions know no other message for it.
    package func update(_ settings: StewardSettings) {
        let told = table.withLock { table -> [(uid_t, PacketSocket, Int)] in
            guard table.settings != settings else { return [] }
            table.settings = settings
            // Whoever had more sessions under the old settings may still report them.
            table.sessionCountMax = max(table.sessionCountMax, settings.reportedCountMax)
            return table.stewards.map { ($0, $1.socket, table.loginCounts[$0] ?? 0) }
        }
        for (uid, socket, loginCount) in told {
            send(.welcome(serverID: options.serverID, settings: settings, loginCount: loginCount), to: socket, uid)
        }
    }

    /// Tells how many logins a user has: a steward with neither a login nor a session ends.
    package func setLoginCount(_ uid: uid_t, _ count: Int) {
        let socket = table.withLock { table in
            table.loginCounts[uid] = count > 0 ? count : nil
            return table.stewards[uid]?.socket
        }
        if let socket { send(.logins(count: count), to: socket, uid) }
    }

    /// Returns as soon as a steward of the user is connected; `false` when that takes longer than `limit`, or when
    /// the task is cancelled.
    package func waitForSteward(_ uid: uid_t, within limit: Duration) async -> Bool {
        let number = table.withLock { $0.nextNumber() }
        let giveUp: @Sendable () -> Void = { [self] in
            let waiter = table.withLock { $0.stewardWaiters[uid]?.removeValue(forKey: number) }
            waiter?.resume(returning: false)
        }
        return await withTaskCancellationHandler {
            let timer = Task {
                try await Task.sleep(for: limit)
                giveUp()
            }
            defer { timer.cancel() }
            return await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let isConnected: Bool? = table.withLock { table in
                    if table.stewards[uid] != nil { return true }
                    if table.isClosed || isCancelled { return false }
                    table.stewardWaiters[uid, default: [:]][number] = continuation
                    return nil
                }
                if let isConnected { continuation.resume(returning: isConnected) }
                if Task.isCancelled { giveUp() }
            }
        } onCancel: {
            giveUp()
        }
    }

    /// Sends a message that needs no answer. A steward that does not read is cut off by `PacketSocket`.
    func send(_ message: AgentMessage, to socket: PacketSocket, _ uid: uid_t) {
        do throws(SystemError) {
            try socket.send(try MessageCoding.encode(message))
        } catch {
            log(.warning, "steward of user \(uid): \(error)")
            socket.close()
        }
    }
}
