// Sessions of a steward: started, adopted, followed, ended, removed.
import Glibc
import OperatingSystem

extension Steward {
    private static let killRoundCountMax = 10
    /// How long the kernel may take to end a killed process.
    private static let killTimeMax: Duration = .seconds(3)
    private static let goneReason =
        "its supervisor is gone: the host was restarted, or the process was killed; start the session again"

    /// Takes over what is on disk: sessions that live, and what is left of those that have ended.
    func adoptAll() async {
        do throws(SystemError) {
            for id in try directories.sessionIDs() {
                do throws(SystemError) {
                    try await adopt(directories.session(id))
                } catch {
                    log(.warning, "session \(id) was not adopted: \(error)")
                }
            }
        } catch {
            log(.error, "sessions could not be listed: \(error)")
        }
        purgeOldest()
    }

    private func adopt(_ directory: SessionDirectory) async throws(SystemError) {
        guard let plan = try SessionDirectory.read(SessionPlan.self, directory.planFile), plan.id == directory.id else {
            // A start that got no further than this.
            return try PrivateDirectory.remove(directory.path)
        }
        var own =
            try SessionDirectory.read(StewardRecord.self, directory.stewardFile)
            ?? StewardRecord(name: plan.start.shownName)
        // Viewers went with the steward that had opened the display for them.
        if own.clients > 0 {
            own.clients = 0
            own.lastDisconnect = WallClock.milliseconds()
        }
        let holder = try FileLock.holder(of: directory.lockFile)
        let supervisor = holder.map { KeptSession.Supervisor(pid: $0.pid, process: $0.process) }
        sessions[plan.id] = KeptSession(
            directory: directory, plan: plan, record: .starting, own: own, supervisor: supervisor)
        if let supervisor {
            log(.info, "session \(plan.id) adopted")
            follow(plan.id, supervisor, child: nil)
        } else {
            try await conclude(plan.id)
        }
    }

    /// Makes a session and starts its supervisor.
    func startSession(_ start: SessionStart) throws(StewardError) -> SessionReport {
        try start.validate()
        guard !isEnding, livingCount < settings.sessionCountMax else {
            throw StewardError(
                .limitReached,
                "you have \(livingCount) sessions and may have \(settings.sessionCountMax) on this host; end one first")
        }
        do throws(SystemError) {
            _ = try DisplayServer.find(in: environment["PATH"] ?? "")
        } catch {
            throw StewardError(.displayFailed, "\(error)")
        }
        do throws(SystemError) {
            _ = try DesktopChoice.windowManager(for: start, path: environment["PATH"] ?? "")
        } catch {
            throw StewardError(.badWindowManager, "\(error)")
        }
        let plan = SessionPlan(
            id: SessionID.make(), start: start, created: WallClock.milliseconds(),
            displaySocket: directories.newDisplaySocket(), fileModeMask: inherited.fileModeMask,
            openFilesMax: inherited.openFilesMax)
        do throws(SystemError) {
            try launch(plan)
        } catch {
            throw StewardError(error)
        }
        reconsider()
        guard let report = sessions[plan.id]?.report else { throw .noSuchSession(plan.id) }
        return report
    }

    private func launch(_ plan: SessionPlan) throws(SystemError) {
        let directory = directories.session(plan.id)
        let own = StewardRecord(name: plan.start.shownName)
        do throws(SystemError) {
            try PrivateDirectory.make(directory.path)
            try SessionDirectory.write(plan, directory.planFile)
            try SessionDirectory.write(own, directory.stewardFile)
            let child = try spawnSupervisor(directory, inScope: true)
            let supervisor = KeptSession.Supervisor(pid: child.pid, process: child.process)
            sessions[plan.id] = KeptSession(
                directory: directory, plan: plan, record: .starting, own: own, supervisor: supervisor, cpuTicks: 0)
            log(.info, "session \(plan.id) starts")
            follow(plan.id, supervisor, child: child)
        } catch {
            sessions[plan.id] = nil
            try? PrivateDirectory.remove(directory.path)
            throw error
        }
        changed(plan.id)
    }

    private func spawnSupervisor(_ directory: SessionDirectory, inScope: Bool) throws(SystemError) -> ChildProcess {
        let own = ["session", directory.path]
        var plan = SpawnPlan(program: "/proc/self/exe", arguments: own, environment: environment, directory: "/")
        plan.shownName = StewardCommand.programName
        if inScope, let scope = Systemd.scopeCommand(user: user, environment: environment) {
            plan.program = scope.program
            plan.shownName = nil
            plan.arguments = scope.arguments + [try ProgramPath.own()] + own
        }
        let log = try OwnedDescriptor.open(directory.logFile, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
        plan.descriptors = [nil, log, log]
        plan.isDetached = true
        // It may be told to end before it has read its plan.
        plan.heldSignals = SessionSupervisor.endingSignals
        return try ChildProcess.spawn(plan)
    }

    /// Watches a supervisor until it is gone.
    private func follow(_ id: String, _ supervisor: KeptSession.Supervisor, child: ChildProcess?) {
        guard let directory = sessions[id]?.directory else { return }
        do throws(SystemError) {
            try records.add(directory)
        } catch {
            log(.warning, "\(error); the record of session \(id) is looked at every second until it runs")
            Task { await lookUntilStarted(id) }
        }
        reload(id)
        Task {
            await Readiness.untilReadable(supervisor.process)
            // An error here would say that somebody else has waited for the child; it is gone in any case.
            _ = try? await child?.reap()
            await supervisorEnded(id)
        }
    }

    /// For a host whose limit of watches is reached.
    private func lookUntilStarted(_ id: String) async {
        while sessions[id]?.record.state == .starting, sessions[id]?.supervisor != nil {
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
            reload(id)
        }
    }

    private func supervisorEnded(_ id: String) async {
        guard let session = sessions[id] else { return }
        sessions[id]?.supervisor = nil
        records.remove(session.directory)
        do throws(SystemError) {
            try await conclude(id)
        } catch {
            log(.error, "session \(id) has ended and its record could not be read: \(error)")
            sessions[id]?.record = SupervisorRecord(state: .failed, reason: "\(error)", ended: WallClock.milliseconds())
        }
        settled(id)
        changed(id)
        purgeOldest()
        reconsider()
    }

    /// Reads the last record of a session without supervisor; writes it where the supervisor could not.
    private func conclude(_ id: String) async throws(SystemError) {
        guard let session = sessions[id] else { return }
        let directory = session.directory
        // Held while this is decided, so that no supervisor starts late.
        guard let lock = try FileLock.take(directory.lockFile) else {
            // A supervisor that was started in a scope has taken over; or one that is just starting.
            return try followHolder(id)
        }
        var record = try SessionDirectory.read(SupervisorRecord.self, directory.recordFile) ?? .starting
        if record.state.isLiving {
            record = SupervisorRecord(state: .failed, reason: Self.goneReason, ended: WallClock.milliseconds())
            log(.warning, "session \(id): \(Self.goneReason)")
            try await removeLeftovers(session)
            try SessionDirectory.write(record, directory.recordFile)
        }
        sessions[id]?.record = record
        sessions[id]?.memoryBytes = 0
        sessions[id]?.cpuPercent = 0
        sessions[id]?.own.clients = 0
        withExtendedLifetime(lock) {}
    }

    private func followHolder(_ id: String) throws(SystemError) {
        guard let directory = sessions[id]?.directory, let holder = try FileLock.holder(of: directory.lockFile) else {
            throw .malformed(
                subject: "the lock of session \(id)", detail: "it is held by a process that it does not name")
        }
        let supervisor = KeptSession.Supervisor(pid: holder.pid, process: holder.process)
        sessions[id]?.supervisor = supervisor
        follow(id, supervisor, child: nil)
    }

    /// Ends what a lost supervisor has left: processes that carry the session's id, and its files.
    private func removeLeftovers(_ session: KeptSession) async throws(SystemError) {
        let variable = "\(SessionEnvironment.idName)=\(session.id)"
        // Until none is left: a killed one may have started another before.
        for _ in 0..<Self.killRoundCountMax {
            let left = try ProcessTable.read().entries(withVariable: variable)
            if left.isEmpty { break }
            for entry in left {
                guard let process = try Kernel.openProcess(entry.pid), try entry.send(SIGKILL) else { continue }
                _ = await TimeLimit.run(Self.killTimeMax) { await Readiness.untilReadable(process) }
            }
        }
        try PrivateDirectory.removeFile(session.directory.authorityFile)
        try PrivateDirectory.removeFile(session.plan.displaySocket)
        try PrivateDirectory.removeFile(session.plan.displaySocket + ".lock")
    }

    /// Takes a record that the supervisor has replaced.
    func reload(_ id: String) {
        guard let session = sessions[id], session.supervisor != nil else { return }
        do throws(SystemError) {
            // A session ends for others when its supervisor does: it has removed everything then.
            guard let record = try SessionDirectory.read(SupervisorRecord.self, session.directory.recordFile),
                record != session.record, record.state.isLiving
            else { return }
            sessions[id]?.record = record
        } catch {
            return log(.warning, "\(error)")
        }
        if sessions[id]?.record.state != .starting { settled(id) }
        changed(id)
    }

    /// Wakes those who wait for a session's start.
    func settled(_ id: String) {
        for waiter in startWaiters.removeValue(forKey: id) ?? [] { waiter.resume() }
    }

    func terminate(_ id: String) throws(StewardError) {
        let session = try session(id)
        guard let supervisor = session.supervisor else {
            throw StewardError(.notRunning, "the session \(session.own.name) has ended already")
        }
        do throws(SystemError) {
            _ = try Kernel.sendSignal(SIGTERM, to: supervisor.process)
        } catch {
            throw StewardError(error)
        }
    }

    func session(_ id: String) throws(StewardError) -> KeptSession {
        guard let session = sessions[id] else { throw .noSuchSession(id) }
        return session
    }

    func purge(_ id: String) throws(StewardError) {
        let session = try session(id)
        guard session.supervisor == nil else {
            throw StewardError(.stillRunning, "the session \(session.own.name) is running; terminate it first")
        }
        do throws(SystemError) {
            try PrivateDirectory.remove(session.directory.path)
        } catch {
            throw StewardError(error)
        }
        sessions[id] = nil
        outbox.remove(id)
        bell.ring()
    }

    /// Keeps the number of ended sessions within its limit.
    private func purgeOldest() {
        let ended = sessions.values.filter { $0.supervisor == nil }
            .sorted { ($0.record.ended ?? 0, $0.id) < ($1.record.ended ?? 0, $1.id) }
        for session in ended.dropLast(Self.endedCountMax) {
            do throws(StewardError) {
                try purge(session.id)
            } catch {
                log(.warning, "session \(session.id) was not removed: \(error)")
            }
        }
    }

    /// Writes what the steward itself knows of a session.
    func save(_ id: String) {
        guard let session = sessions[id] else { return }
        do throws(SystemError) {
            try SessionDirectory.write(session.own, session.directory.stewardFile)
        } catch {
            log(.warning, "\(error)")
        }
    }
}
