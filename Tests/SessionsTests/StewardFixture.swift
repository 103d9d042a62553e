// An agent's side and stewards of the real program, for tests that run from end to end.
import Foundation
import Glibc
import OperatingSystem
import Replica
import Sessions
import TestSupport
import Testing

/// The program that plays steward and supervisor.
enum Program {
    /// `FASTX_AGENT`, or what `make build` makes; `nil` where there is neither.
    static let path: String? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let built = root.appendingPathComponent(".build/release/fastx-agent").path
        let path = ProcessInfo.processInfo.environment["FASTX_AGENT"] ?? built
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    static let setpriv = "/usr/bin/setpriv"
    static let canChangeUser = geteuid() == 0 && FileManager.default.isExecutableFile(atPath: setpriv)

    /// Whether sessions can be started here.
    static let hasDisplays =
        path != nil
        && ["/usr/bin/Xvnc", "/usr/bin/Xtigervnc"].contains { FileManager.default.isExecutableFile(atPath: $0) }
}

/// A server, a directory for one user's state, and what was reported.
final class StewardFixture: Sendable {
    static let serverID: ServerID = "test"
    /// More than anything here takes on a loaded host.
    static let patience: Duration = .seconds(60)

    let directory: TemporaryDirectory
    let server: StewardServer
    var socket: String { directory.path + "/agent/link.sock" }
    var state: String { directory.path + "/state" }
    var uid: UInt32 { geteuid() }

    init(
        _ settings: StewardSettings = StewardSettings(),
        isAllowed: @escaping @Sendable (uid_t) -> Bool = { $0 == geteuid() }
    ) throws {
        directory = try TemporaryDirectory()
        var options = StewardServer.Options(serverID: Self.serverID, settings: settings)
        options.helloTimeMax = .seconds(5)
        server = try StewardServer(
            path: directory.path + "/agent/link.sock", options: options, isAllowed: isAllowed,
            log: { level, line in if level >= .warning { print("server \(level.rawValue): \(line)") } })
        // Somebody is logged in, so that stewards stay until the test ends.
        server.setLoginCount(geteuid(), 1)
    }

    deinit { server.close() }

    /// Starts a steward in the foreground and returns when it is connected.
    func startSteward(_ variables: [String: String] = [:]) async throws -> Process {
        let process = try launch([], variables: variables)
        try #require(await server.waitForSteward(uid, within: Self.patience))
        return process
    }

    /// Runs the program's command `link`.
    func launch(
        _ more: [String], errors: Any? = FileHandle.nullDevice, socket other: String? = nil,
        asNobody copy: String? = nil,
        stateHome: String? = nil, agentUID: UInt32 = geteuid(), variables: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        let path = try copy ?? #require(Program.path)
        let words =
            ["link", "--socket", other ?? socket, "--agent-uid", String(agentUID), "--server-id", Self.serverID.text]
            + more
        if copy == nil {
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = words
        } else {
            process.executableURL = URL(fileURLWithPath: Program.setpriv)
            process.arguments = ["--reuid", "65534", "--regid", "65534", "--clear-groups", path] + words
        }
        var environment = ProcessInfo.processInfo.environment
        environment["XDG_STATE_HOME"] = stateHome ?? state
        environment.merge(variables) { $1 }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        return process
    }

    /// The report of a session once it is as it should be. What has been reported already counts too.
    func report(
        _ id: String, _ what: String, until isSo: @escaping @Sendable (SessionReport) -> Bool
    ) async throws -> SessionReport {
        if let report = server.sessions(uid).first(where: { $0.id == id && isSo($0) }) { return report }
        let found = await TimeLimit.run(Self.patience) { [server] () async -> SessionReport? in
            for await event in server.events {
                if case .session(_, let report) = event, report.id == id, isSo(report) { return report }
            }
            return nil
        }
        return try #require(found ?? nil, "session \(id) did not become \(what)")
    }

    /// Returns when the user's steward is gone.
    func untilDisconnected() async throws {
        if !server.isConnected(uid) { return }
        let isGone = await TimeLimit.run(Self.patience) { [server, uid] () async -> Bool in
            await server.events.contains { $0 == .disconnected(uid) }
        }
        try #require(isGone == true)
    }

    /// Kills a steward and returns when the server knows that it is gone.
    func kill(_ steward: Process) async throws {
        Glibc.kill(steward.processIdentifier, SIGKILL)
        await steward.waitUntilExit()
        try await untilDisconnected()
    }

    /// Starts a session and returns when it runs.
    func running(_ start: SessionStart) async throws -> SessionReport {
        let report = try await server.start(uid, start)
        #expect(report.state == .starting)
        return try await self.report(report.id, "running") { $0.state != .starting }
    }

    /// Ends everything that a test has started.
    func end(_ steward: Process) async throws {
        _ = try? await server.request(uid, .end)
        await steward.waitUntilExit()
    }
}

extension Process {
    /// Without blocking a thread of the test's.
    func waitUntilExit() async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                self.waitUntilExit()
                continuation.resume()
            }
            thread.start()
        }
    }
}

/// Named pipes.
enum Pipes {
    /// Waits for a writer and reads what it writes first.
    static func readLine(_ path: String) throws -> String {
        let descriptor = OwnedDescriptor(adopting: unsafe open(path, O_RDONLY | O_CLOEXEC))
        var bytes = [UInt8](repeating: 0, count: 1_000)
        let count = unsafe read(descriptor.raw, &bytes, bytes.count)
        try #require(count >= 0)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

/// Looks at sockets.
enum Socket {
    /// What a socket sends first.
    static func read(_ descriptor: OwnedDescriptor, count: Int) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        var entry = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&entry, 1, 30_000) == 1)
        let length = unsafe Glibc.read(descriptor.raw, &bytes, count)
        return String(decoding: bytes.prefix(max(0, length)), as: UTF8.self)
    }
}

/// The kernel's tables of sockets.
enum Sockets {
    /// The TCP sockets at which some processes listen, by their numbers.
    static func listeningTCP(of processes: Set<pid_t>) throws -> Set<String> {
        var listening: Set<String> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let text = try String(contentsOfFile: table, encoding: .utf8)
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                // 0A: the state LISTEN.
                if fields.count > 9, fields[3] == "0A" { listening.insert("socket:[\(fields[9])]") }
            }
        }
        var open: Set<String> = []
        for pid in processes {
            let directory = "/proc/\(pid)/fd"
            for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
                open.insert((try? FileManager.default.destinationOfSymbolicLink(atPath: directory + "/" + name)) ?? "")
            }
        }
        #expect(open.contains { $0.hasPrefix("socket:") })
        return open.intersection(listening)
    }
}
