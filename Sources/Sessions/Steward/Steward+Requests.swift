// What a steward does for the agent, one request at a time.
import Glibc
import OperatingSystem

extension Steward {
    /// How long a display may take to start before whoever wants to open it is told to wait. Shorter than the agent's
    /// own limit for an answer.
    private static let openTimeMax: Duration = .seconds(12)
    /// Pictures made at a time; each reads a whole screen.
    private static let screenshotCountMax = 2

    func answer(_ request: StewardRequest) async -> (StewardAnswer, OwnedDescriptor?) {
        do throws(StewardError) {
            switch request {
            case .start(let start): return (.session(try startSession(start)), nil)
            case .terminate(let id): try terminate(id)
            case .purge(let id): try purge(id)
            case .rename(let id, let name): try rename(id, name)
            case .openDisplay(let id): return (.descriptor, try await openDisplay(id))
            case .screenshot(let id, let maxWidth): return (.descriptor, try await screenshot(id, maxWidth: maxWidth))
            case .log(let id): return (.descriptor, try sessionLog(id))
            case .clients(let id, let count): try setClients(id, count)
            case .end: try endAll()
            }
            return (.done, nil)
        } catch {
            return (.failed(error), nil)
        }
    }

    private func rename(_ id: String, _ name: String) throws(StewardError) {
        try SessionStart.validate(name: name)
        _ = try session(id)
        sessions[id]?.own.name = name
        save(id)
        changed(id)
    }

    private func setClients(_ id: String, _ count: Int) throws(StewardError) {
        _ = try session(id)
        guard sessions[id]?.setClients(max(0, count), now: WallClock.milliseconds()) == true else { return }
        save(id)
        changed(id)
    }

    private func endAll() throws(StewardError) {
        isEnding = true
        for id in sessions.keys.sorted() where sessions[id]?.supervisor != nil { try terminate(id) }
        reconsider()
    }

    private func openDisplay(_ id: String) async throws(StewardError) -> OwnedDescriptor {
        try await untilStarted(id)
        let session = try session(id)
        guard session.record.state == .running else {
            throw StewardError(
                .notRunning, "the session \(session.own.name) is \(session.record.state.rawValue); start it again")
        }
        do throws(SystemError) {
            return try UnixAddress.connect(SOCK_STREAM, session.plan.displaySocket)
        } catch {
            throw StewardError(.displayFailed, "the display of \(session.own.name) does not answer: \(error)")
        }
    }

    /// Returns when the session is not `starting` any more.
    private func untilStarted(_ id: String) async throws(StewardError) {
        guard try session(id).record.state == .starting, try session(id).supervisor != nil else { return }
        let isSettled = await TimeLimit.run(Self.openTimeMax) { await self.awaitStart(id) } != nil
        guard isSettled else {
            throw StewardError(.timedOut, "the session's display has not started within \(Self.openTimeMax); try again")
        }
    }

    private func awaitStart(_ id: String) async {
        await withTaskCancellationHandler {
            // Whoever gives up wakes all, and those that have not look at the state again.
            while sessions[id]?.record.state == .starting, sessions[id]?.supervisor != nil, !Task.isCancelled {
                await withCheckedContinuation { startWaiters[id, default: []].append($0) }
            }
        } onCancel: {
            Task { await self.settled(id) }
        }
    }

    private func screenshot(_ id: String, maxWidth: Int) async throws(StewardError) -> OwnedDescriptor {
        guard screenshotCount < Self.screenshotCountMax else {
            throw StewardError(.busy, "pictures of other sessions are being taken; try again")
        }
        screenshotCount += 1
        defer { screenshotCount -= 1 }
        let display = try await openDisplay(id)
        do throws(SystemError) {
            return try SealedFile.make(try await Screenshot.take(display, maxWidth: maxWidth), name: "screenshot")
        } catch {
            throw StewardError(.displayFailed, "no picture of the session could be taken: \(error)")
        }
    }

    private func sessionLog(_ id: String) throws(StewardError) -> OwnedDescriptor {
        let directory = try session(id).directory
        do throws(SystemError) {
            return try SealedFile.make(try SessionLog.contents(directory), name: "log")
        } catch {
            throw StewardError(error)
        }
    }
}
