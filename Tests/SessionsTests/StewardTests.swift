// Stewards and sessions from end to end: the real program, real displays, real sockets.
import Foundation
import Glibc
import OperatingSystem
import Sessions
import TestSupport
import Testing

@Suite("Stewards and sessions", .enabled(if: Program.hasDisplays), .timeLimit(.minutes(5)))
struct StewardTests {
    @Test("A session starts, its display speaks RFB, and it ends with its command's status")
    func wholeLife() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let command =
            "echo \"answer $FASTX_PARAM_ANSWER\"; env > \"$FASTX_PARAM_OUT\"; read line < \"$FASTX_PARAM_FIFO\"; exit 7"
        let fifo = fixture.directory.path + "/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let output = fixture.directory.path + "/env"
        let session = try await fixture.running(
            SessionStart(
                command: command, name: "Whole life", params: ["ANSWER": "it's 42", "FIFO": fifo, "OUT": output]))
        #expect(session.state == .running && session.name == "Whole life")
        #expect(session.display?.hasPrefix(":") == true && session.exitStatus == nil && session.ended == nil)
        let display = try await fixture.server.openDisplay(fixture.uid, id: session.id)
        #expect(try Socket.read(display, count: 12) == "RFB 003.008\n")

        try "go on\n".write(toFile: fifo, atomically: false, encoding: .utf8)
        let ended = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(ended.state == .ended && ended.exitStatus == 7 && ended.ended != nil)
        let log = String(decoding: try await fixture.server.sessionLog(fixture.uid, id: session.id), as: UTF8.self)
        #expect(log.contains("answer it's 42") && log.contains("the command ended with status 7"))
        try expectEnvironment(at: output, session)
        try await fixture.end(steward)
        #expect(steward.terminationStatus == 0)
        expectNothingLeft(of: session)
    }

    private func expectEnvironment(at path: String, _ session: SessionReport) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let names = text.split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) }
        let own: Set = [
            "HOME", "USER", "LOGNAME", "SHELL", "PATH", "DISPLAY", "XAUTHORITY", "FASTX_SESSION_ID",
            "FASTX_PARAM_ANSWER",
            "FASTX_PARAM_FIFO", "FASTX_PARAM_OUT",
        ]
        #expect(own.isSubset(of: names))
        // Of the rest only what is listed, and what shells add.
        for name in names where !own.contains(name) {
            let isKept = name.hasPrefix("LC_") || name.hasPrefix("XDG_") || ["LANG", "LANGUAGE", "TZ"].contains(name)
            #expect(isKept || ["PWD", "OLDPWD", "SHLVL", "_"].contains(name), "\(name)")
        }
        #expect(
            text.contains("FASTX_SESSION_ID=\(session.id)\n") && text.contains("DISPLAY=\(session.display ?? "")\n"))
    }

    /// No process and no socket of the session.
    private func expectNothingLeft(of session: SessionReport) {
        let left = try? ProcessTable.read().entries(withVariable: "FASTX_SESSION_ID=\(session.id)")
        #expect(left?.isEmpty == true)
    }

    @Test("A display can be reached neither by TCP nor without its cookie, and its files are the user's alone")
    func privacy() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "read never < /dev/zero; sleep infinity"))
        let table = try ProcessTable.read()
        let own = Set(table.entries(withVariable: "FASTX_SESSION_ID=\(session.id)").map(\.pid))
        #expect(own.count >= 2)
        #expect(try Sockets.listeningTCP(of: own).isEmpty)

        let directory = "\(fixture.state)/fastx/\(StewardFixture.serverID)/\(session.id)"
        for name in try PrivateDirectory.names(in: directory) {
            var status = stat()
            #expect(unsafe stat(directory + "/" + name, &status) == 0 && status.st_mode & 0o077 == 0, "\(name)")
        }
        #expect(try run("/usr/bin/xdpyinfo", ["-display", session.display ?? ""], ["XAUTHORITY": "/dev/null"]) != 0)
        let authority = directory + "/Xauthority"
        #expect(try run("/usr/bin/xdpyinfo", ["-display", session.display ?? ""], ["XAUTHORITY": authority]) == 0)
        try await fixture.end(steward)
        expectNothingLeft(of: session)
    }

    @Test("A terminated session ends with everything in it, also with what ignores its termination")
    func termination() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let ready = fixture.directory.path + "/ready"
        #expect(unsafe mkfifo(ready, 0o600) == 0)
        // A stubborn one, and one that has left its parents.
        let command = "trap '' TERM; (setsid sleep 1000 &) ; echo ready > '\(ready)'; while :; do sleep 1000; done"
        let session = try await fixture.running(SessionStart(command: command, windowManager: WindowManager.none))
        #expect(try Pipes.readLine(ready) == "ready\n")
        _ = try await fixture.server.request(fixture.uid, .terminate(id: session.id))
        let ended = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(ended.state == .ended && ended.exitStatus == 137)
        expectNothingLeft(of: session)
        let again = await #expect(throws: StewardError.self) {
            try await fixture.server.request(fixture.uid, .terminate(id: session.id))
        }
        #expect(again?.word == .notRunning)
        try await fixture.end(steward)
    }

    @Test("A session outlives its steward, and the next one adopts it")
    func adoption() async throws {
        let fixture = try StewardFixture()
        let first = try await fixture.startSteward()
        // A session runs once its display does; beside a window manager its command might not have begun by then.
        let session = try await fixture.running(
            SessionStart(command: "sleep 1000", name: "Survivor", windowManager: WindowManager.none))
        _ = try await fixture.server.request(fixture.uid, .clients(id: session.id, count: 2))
        _ = try await fixture.server.request(fixture.uid, .rename(id: session.id, name: "Still here"))
        try await fixture.kill(first)

        let second = try await fixture.startSteward()
        let adopted = try await fixture.report(session.id, "adopted") { _ in true }
        #expect(adopted.state == .running && adopted.name == "Still here" && adopted.display == session.display)
        #expect(adopted.clients == 0 && adopted.lastConnect != nil && adopted.lastDisconnect != nil)
        let display = try await fixture.server.openDisplay(fixture.uid, id: session.id)
        #expect(try Socket.read(display, count: 12) == "RFB 003.008\n")
        _ = try await fixture.server.request(fixture.uid, .terminate(id: session.id))
        let ended = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(ended.state == .ended && ended.exitStatus == 143)
        try await fixture.end(second)
    }

    @Test("A session that ended while there was no steward is told by the next one")
    func endedAlone() async throws {
        let fixture = try StewardFixture()
        let fifo = fixture.directory.path + "/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let first = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "read line < '\(fifo)'; exit 3"))
        try await fixture.kill(first)
        try "go on\n".write(toFile: fifo, atomically: false, encoding: .utf8)
        let second = try await fixture.startSteward()
        let ended = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(ended.state == .ended && ended.exitStatus == 3)
        try await fixture.end(second)
    }

    @Test("A session whose supervisor is killed has failed, and nothing of it is left")
    func lostSupervisor() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "trap '' HUP PIPE; sleep 1000"))
        let lock = "\(fixture.state)/fastx/\(StewardFixture.serverID)/\(session.id)/lock"
        let supervisor = try #require(try FileLock.holder(of: lock)).pid
        kill(supervisor, SIGKILL)
        let failed = try await fixture.report(session.id, "failed") { !$0.state.isLiving }
        #expect(failed.state == .failed && failed.reason?.contains("supervisor is gone") == true)
        expectNothingLeft(of: session)
        try await fixture.end(steward)
    }

    @Test("A session whose display dies has failed, with the reason")
    func lostDisplay() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        let table = try ProcessTable.read()
        let servers = table.entries(withVariable: "FASTX_SESSION_ID=\(session.id)").filter { entry in
            (try? PrivateDirectory.readFile("/proc/\(entry.pid)/comm"))?.starts(with: Array("X".utf8)) == true
        }
        #expect(servers.count == 1)
        for server in servers { try server.send(SIGKILL) }
        let failed = try await fixture.report(session.id, "failed") { !$0.state.isLiving }
        #expect(failed.state == .failed && failed.reason?.contains("signal 9") == true)
        expectNothingLeft(of: session)
        try await fixture.end(steward)
    }

    @Test("A display that does not start fails the session, with what it said")
    func noDisplay() async throws {
        let fixture = try StewardFixture()
        let script = "#!/bin/sh\necho 'no screens found' >&2\nexit 3\n"
        try PrivateDirectory.replaceFile(fixture.directory.path + "/Xvnc", with: Array(script.utf8), mode: 0o700)
        let path = fixture.directory.path + ":/usr/bin:/bin"
        let steward = try await fixture.startSteward(["PATH": path])
        let session = try await fixture.server.start(fixture.uid, SessionStart(command: "xterm"))
        let error = await #expect(throws: StewardError.self) {
            try await fixture.server.openDisplay(fixture.uid, id: session.id)
        }
        #expect(error?.word == .notRunning)
        let failed = try await fixture.report(session.id, "failed") { !$0.state.isLiving }
        #expect(failed.state == .failed && failed.reason?.contains("status 3") == true)
        #expect(failed.reason?.contains("no screens found") == true)
        try await fixture.end(steward)
    }

    @Test("A user's second steward finds the first one and leaves; a detached one is told so too")
    func onlyOne() async throws {
        let fixture = try StewardFixture()
        let first = try await fixture.startSteward()
        let second = try fixture.launch([])
        await second.waitUntilExit()
        #expect(second.terminationStatus == 0)
        let third = try fixture.launch(["--detach"])
        await third.waitUntilExit()
        #expect(third.terminationStatus == 0)
        #expect(first.isRunning)
        try await fixture.end(first)
    }

    @Test("Detaching returns once the steward is connected, and the steward goes on")
    func detaching() async throws {
        let fixture = try StewardFixture()
        let foreground = try fixture.launch(["--detach"])
        await foreground.waitUntilExit()
        #expect(foreground.terminationStatus == 0)
        #expect(fixture.server.isConnected(fixture.uid))
        let lock = "\(fixture.state)/fastx/\(StewardFixture.serverID)/link.lock"
        let holder = try #require(try FileLock.holder(of: lock)).pid
        // A session of its own, and not a child of ours.
        #expect(getsid(holder) == holder)
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        _ = try await fixture.server.request(fixture.uid, .end)
        let ended = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(ended.state == .ended)
    }

    @Test("Detaching fails with the reason when there is no agent, or when it refuses")
    func detachingInVain() async throws {
        let fixture = try StewardFixture()
        fixture.server.close()
        let errors = Pipe()
        let foreground = try fixture.launch(["--detach"], errors: errors)
        await foreground.waitUntilExit()
        #expect(foreground.terminationStatus == 1)
        let text = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
        #expect(text.contains("link.sock"), "\(text)")
    }

    @Test("After a restart of the agent the steward is there again, with its sessions")
    func agentRestart() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        fixture.server.close()
        let server = try StewardServer(
            path: fixture.socket, options: StewardServer.Options(serverID: StewardFixture.serverID),
            isAllowed: { _ in true },
            log: { _, _ in })
        #expect(await server.waitForSteward(fixture.uid, within: StewardFixture.patience))
        let first = await server.events.first { event in
            if case .session = event { return true }
            return false
        }
        guard case .session(_, let report) = first else { throw StewardError(.badMessage, "no session") }
        #expect(report.id == session.id && report.state == .running)
        _ = try await server.request(fixture.uid, .end)
        await steward.waitUntilExit()
        server.close()
    }

    @Test("Limits and mistakes are told by their words")
    func mistakes() async throws {
        let fixture = try StewardFixture(StewardSettings(sessionCountMax: 1))
        let steward = try await fixture.startSteward()
        let server = fixture.server
        let uid = fixture.uid
        func word(_ request: StewardRequest) async -> StewardError.Word? {
            do throws(StewardError) {
                _ = try await server.request(uid, request)
                return nil
            } catch { return error.word }
        }
        let unknown = String(repeating: "00", count: 16)
        #expect(await word(.terminate(id: unknown)) == .noSuchSession)
        #expect(await word(.openDisplay(id: "../../x")) == .noSuchSession)
        #expect(await word(.start(SessionStart(command: ""))) == .badCommand)
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        #expect(await word(.start(SessionStart(command: "sleep 1000"))) == .limitReached)
        #expect(await word(.purge(id: session.id)) == .stillRunning)
        #expect(await word(.rename(id: session.id, name: "a\u{7}b")) == .badName)
        #expect(await word(.terminate(id: session.id)) == nil)
        _ = try await fixture.report(session.id, "ended") { !$0.state.isLiving }
        #expect(await word(.openDisplay(id: session.id)) == .notRunning)
        #expect(await word(.purge(id: session.id)) == nil)
        #expect(server.sessions(uid).isEmpty)
        #expect(unsafe access("\(fixture.state)/fastx/test/\(session.id)", F_OK) != 0)
        try await fixture.end(steward)
    }

    @Test("Viewers are counted, with the times of their coming and going")
    func viewers() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        #expect(session.clients == 0 && session.lastConnect == nil)
        _ = try await fixture.server.request(fixture.uid, .clients(id: session.id, count: 1))
        let seen = try await fixture.report(session.id, "seen") { $0.clients == 1 }
        #expect(seen.lastConnect != nil && seen.lastDisconnect == nil)
        _ = try await fixture.server.request(fixture.uid, .clients(id: session.id, count: 0))
        let left = try await fixture.report(session.id, "left") { $0.clients == 0 && $0.lastConnect != nil }
        #expect(left.lastDisconnect != nil)
        try await fixture.end(steward)
    }

    @Test("A session is measured, and forgotten when nobody looks at it for long enough")
    func measuring() async throws {
        let fixture = try StewardFixture(StewardSettings(forgottenSeconds: 1))
        let steward = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "while :; do :; done"))
        _ = try await fixture.report(session.id, "measured and forgotten") {
            $0.memoryBytes > 0 && $0.cpuPercent > 0 && $0.forgotten
        }
        _ = try await fixture.server.request(fixture.uid, .clients(id: session.id, count: 1))
        _ = try await fixture.report(session.id, "remembered") { !$0.forgotten }
        try await fixture.end(steward)
    }

    @Test("A steward ends when there is neither a login nor a session, and the next one can start at once")
    func idleness() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        fixture.server.setLoginCount(fixture.uid, 0)
        await steward.waitUntilExit()
        #expect(steward.terminationStatus == 0)
        try await fixture.untilDisconnected()
        fixture.server.setLoginCount(fixture.uid, 1)
        try await fixture.end(try await fixture.startSteward())
    }

    @Test("A steward that serves another agent makes room, and its sessions stay")
    func takingOver() async throws {
        let fixture = try StewardFixture()
        let old = try await fixture.startSteward()
        let session = try await fixture.running(SessionStart(command: "sleep 1000"))
        let path = fixture.directory.path + "/other/link.sock"
        let server = try StewardServer(
            path: path, options: StewardServer.Options(serverID: StewardFixture.serverID), isAllowed: { _ in true },
            log: { _, _ in })
        server.setLoginCount(fixture.uid, 1)
        let new = try fixture.launch([], socket: path)
        #expect(await server.waitForSteward(fixture.uid, within: StewardFixture.patience))
        await old.waitUntilExit()
        let first = await server.events.first { event in
            if case .session = event { return true }
            return false
        }
        guard case .session(_, let report) = first else { throw StewardError(.badMessage, "no session") }
        #expect(report.id == session.id && report.state == .running)
        _ = try await server.request(fixture.uid, .end)
        await new.waitUntilExit()
        server.close()
    }

    @Test("Who a steward is for is what the kernel says", .enabled(if: Program.canChangeUser))
    func otherUser() async throws {
        let fixture = try StewardFixture(isAllowed: { $0 == 65_534 })
        let home = fixture.directory.path + "/nobody"
        try PrivateDirectory.make(home)
        // The directory above has to be open to others, and the program where they can run it.
        #expect(unsafe chmod(fixture.directory.path, 0o755) == 0)
        #expect(unsafe chown(home, 65_534, 65_534) == 0)
        let program = fixture.directory.path + "/fastx-agent"
        try FileManager.default.copyItem(atPath: try #require(Program.path), toPath: program)

        fixture.server.setLoginCount(65_534, 1)
        let steward = try fixture.launch([], asNobody: program, stateHome: home)
        #expect(await fixture.server.waitForSteward(65_534, within: StewardFixture.patience))
        #expect(fixture.server.connectedUsers == [65_534])
        _ = try await fixture.server.request(65_534, .end)
        await steward.waitUntilExit()

        // One that is told of another agent says nothing to this one.
        let wrong = try fixture.launch(["--detach"], asNobody: program, stateHome: home, agentUID: 65_534)
        await wrong.waitUntilExit()
        #expect(wrong.terminationStatus == 1)
        // And root's own is not allowed here.
        let refused = try fixture.launch(["--detach"])
        await refused.waitUntilExit()
        #expect(refused.terminationStatus == 1 && fixture.server.connectedUsers.isEmpty)
    }

    @Test("A picture of a session is a JPEG of its screen, as wide as was asked for")
    func pictures() async throws {
        let fixture = try StewardFixture()
        let steward = try await fixture.startSteward()
        let start = SessionStart(command: "sleep 1000", windowManager: WindowManager.none)
        let session = try await fixture.running(start)
        let picture = try await fixture.server.screenshot(fixture.uid, id: session.id, maxWidth: 320)
        #expect(picture.starts(with: [0xFF, 0xD8, 0xFF]) && picture.suffix(2) == [0xFF, 0xD9])
        // The frame header: height and width, 320x200 for 1280x800.
        let frame = try #require(picture.indices.first { picture[$0...].starts(with: [0xFF, 0xC0, 0, 17, 8]) })
        #expect(Array(picture[(frame + 5)..<(frame + 9)]) == [0, 200, 1, 64])
        try await fixture.end(steward)
    }

    private func run(_ program: String, _ arguments: [String], _ more: [String: String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
