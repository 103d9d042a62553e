// Requests to stewards: sent, awaited for a limited time, and their answers checked.
package import Glibc
package import OperatingSystem
import Synchronization

extension StewardServer {
    /// Asks the user's steward for something. An answer is waited for `options.requestTimeMax`, or until the task
    /// is cancelled.
    package func request(_ uid: uid_t, _ request: StewardRequest) async throws(StewardError) -> StewardReply {
        let numbers = RequestNumbers()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { begin(uid, request, numbers, $0) }
        } onCancel: {
            giveUp(uid, numbers, StewardError(.cancelled, "nobody waits for the answer any longer"))
        }
        return try result.get()
    }

    private func begin(
        _ uid: uid_t, _ request: StewardRequest, _ numbers: RequestNumbers,
        _ continuation: CheckedContinuation<Result<StewardReply, StewardError>, Never>
    ) {
        let limit = options.requestTimeMax
        let begun = table.withLock { table -> Result<(PacketSocket, UInt64), StewardError> in
            guard let steward = table.stewards[uid] else {
                return .failure(StewardError(.notConnected, "no steward of user \(uid) is connected; log in again"))
            }
            guard steward.requests.count < options.requestCountMax else {
                return .failure(
                    StewardError(.busy, "\(options.requestCountMax) requests of user \(uid) are under way; try again"))
            }
            let number = table.nextNumber()
            numbers.set(connection: steward.number, number: number)
            let timer = Task { [weak self] in
                // Thrown when the answer came.
                guard (try? await Task.sleep(for: limit)) != nil else { return }
                self?.giveUp(
                    uid, numbers, StewardError(.timedOut, "the user's steward did not answer within \(limit)"))
            }
            let pending = PendingRequest(request: request, continuation: continuation, timer: timer)
            table.stewards[uid]?.requests[number] = pending
            return .success((steward.socket, number))
        }
        switch begun {
        case .failure(let error): continuation.resume(returning: .failure(error))
        case .success(let (socket, number)): send(.request(number: number, request), to: socket, uid)
        }
        if Task.isCancelled { giveUp(uid, numbers, StewardError(.cancelled, "nobody waits for the answer any longer")) }
    }

    private func giveUp(_ uid: uid_t, _ numbers: RequestNumbers, _ error: StewardError) {
        guard let (connection, number) = numbers.sent else { return }
        guard let pending = table.withLock({ $0.takeRequest(uid, connection: connection, number) }) else { return }
        pending.timer.cancel()
        pending.continuation.resume(returning: .failure(error))
    }

    /// An answer as the asker gets it. What a user's process sends is checked: its kind, and what its descriptor is.
    static func reply(
        to request: StewardRequest, _ answer: StewardAnswer, _ descriptor: OwnedDescriptor?
    ) -> Result<StewardReply, StewardError> {
        do throws(SystemError) {
            switch (answer, request) {
            case (.failed(let error), _):
                return .failure(error)
            case (.done, .terminate), (.done, .purge), (.done, .rename), (.done, .clients), (.done, .end):
                return .success(.done)
            case (.session(let report), .start):
                try report.check()
                return .success(.session(report))
            case (.descriptor, .openDisplay):
                guard let descriptor else { throw .brokenPacket(detail: "its descriptor is missing") }
                try UnixAddress.checkStream(descriptor)
                return .success(.descriptor(descriptor))
            case (.descriptor, .screenshot), (.descriptor, .log):
                guard let descriptor else { throw .brokenPacket(detail: "its descriptor is missing") }
                try SealedFile.check(descriptor)
                return .success(.descriptor(descriptor))
            default:
                throw .brokenPacket(detail: "it answers something that was not asked")
            }
        } catch {
            return .failure(StewardError(.badMessage, "the user's steward sent a wrong answer: \(error)"))
        }
    }

    /// Starts a session; the report says `starting`.
    package func start(_ uid: uid_t, _ session: SessionStart) async throws(StewardError) -> SessionReport {
        try session.validate()
        guard case .session(let report) = try await request(uid, .start(session)) else { throw Self.wrongKind }
        return report
    }

    /// A connection to a session's RFB server: a non-blocking Unix stream socket.
    package func openDisplay(_ uid: uid_t, id: String) async throws(StewardError) -> OwnedDescriptor {
        try await descriptor(uid, .openDisplay(id: id))
    }

    /// A JPEG picture of a session.
    package func screenshot(_ uid: uid_t, id: String, maxWidth: Int) async throws(StewardError) -> [UInt8] {
        try contents(try await descriptor(uid, .screenshot(id: id, maxWidth: maxWidth)))
    }

    /// The last lines of a session's log.
    package func sessionLog(_ uid: uid_t, id: String) async throws(StewardError) -> [UInt8] {
        try contents(try await descriptor(uid, .log(id: id)))
    }

    private func descriptor(_ uid: uid_t, _ request: StewardRequest) async throws(StewardError) -> OwnedDescriptor {
        guard case .descriptor(let descriptor) = try await self.request(uid, request) else { throw Self.wrongKind }
        return descriptor
    }

    /// More than a log or a picture has.
    private static let contentsBytesMax = 32 << 20

    private func contents(_ file: OwnedDescriptor) throws(StewardError) -> [UInt8] {
        do throws(SystemError) {
            return try file.contents(byteCountMax: Self.contentsBytesMax)
        } catch {
            throw StewardError(error)
        }
    }

    /// Never thrown: `reply` has compared both kinds already.
    private static let wrongKind = StewardError(.badMessage, "the user's steward sent an answer of the wrong kind")
}
