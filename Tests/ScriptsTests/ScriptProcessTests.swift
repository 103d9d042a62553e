// The guard from end to end: what it starts, what it refuses, how it ends a process, and what it tells of the end.
import Glibc
import OperatingSystem
import Scripts
import TestSupport
import Testing

@Suite("Processes of scripts")
struct ScriptProcessTests {
    private static let echo = """
        const socket = new (require("net").Socket)({ fd: 0, readable: true, writable: true });
        socket.on("data", (bytes) => socket.write(bytes)).on("end", () => process.exit(7));
        """

    /// It says that it is there, and then computes without end.
    private static let endless = "require('fs').writeSync(0, 'ready\\n'); for (;;) {}"

    private var isTZSet: Bool { unsafe getenv("TZ") != nil }

    @Test("A process has the data socket as descriptor 0, and all walls")
    func start() async throws {
        try await ScriptFixture.with(Self.echo) { fixture in
            let script = try await fixture.start()
            try script.data.write("hello\n".utf8, subject: "the script")
            #expect(try await script.line() == "hello")
            #expect(script.missingWalls.isEmpty)
            #expect(script.nodeVersion.hasPrefix("v") && script.pid > 1)
            let status = try HostFile.text(at: "/proc/\(script.pid)/status")
            #expect(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"))
            #expect(status.contains("CapPrm:\t0000000000000000"))
            #expect(try HostFile.text(at: "/proc/\(script.pid)/oom_score_adj") == "1000\n")
            #expect(try HostFile.text(at: "/proc/\(script.pid)/environ").isEmpty == !isTZSet)
            shutdown(script.data.raw, CInt(SHUT_WR))
            #expect(await script.end().reason == .exited(7))
        }
    }

    @Test("A script that computes without end is killed, also by the last reference to it that goes")
    func kill() async throws {
        try await ScriptFixture.with(Self.endless) { fixture in
            let script = try await fixture.start()
            #expect(try await script.line() == "ready")
            script.kill()
            #expect(await script.end() == ScriptEnd(.signalled(SIGKILL), wasKilled: true, standardError: ""))

            var other: ScriptProcess? = try await fixture.start()
            #expect(try await other?.line() == "ready")
            let pid = try #require(other?.pid)
            let process = try #require(try Kernel.openProcess(pid))
            other = nil
            #expect(await TimeLimit.run(ScriptFixture.patience) { await Readiness.untilReadable(process) } != nil)
        }
    }

    @Test("A guard that is killed takes the process with it")
    func guardKilled() async throws {
        try await ScriptFixture.with(Self.endless) { fixture in
            let script = try await fixture.start()
            #expect(try await script.line() == "ready")
            let process = try #require(try Kernel.openProcess(script.pid))
            let guardPID = try #require(ProcessTable.entry(of: script.pid)).parent
            Glibc.kill(guardPID, SIGKILL)
            #expect(await TimeLimit.run(ScriptFixture.patience) { await Readiness.untilReadable(process) } != nil)
            #expect(await script.end().reason == .guardLost)
        }
    }

    private static func end(of main: String) async throws -> ScriptEnd {
        var end: ScriptEnd?
        try await ScriptFixture.with(main) { end = try await $0.start().end() }
        return try #require(end)
    }

    @Test("The end is told with the last of standard error: status, signal, lack of memory")
    func ends() async throws {
        let thrown = try await Self.end(of: "throw new Error('over here')")
        #expect(thrown.reason == .exited(1) && thrown.standardError.contains("over here"))
        #expect(try await Self.end(of: "process.abort()").reason == .signalled(SIGABRT))
        #expect(try await Self.end(of: "const a = []; for (;;) a.push({ x: a.length })").reason == .outOfMemory)
        #expect(try await Self.end(of: "const a = []; for (;;) a.push(Buffer.alloc(1e6, 1))").reason == .outOfMemory)
        let words = try await Self.end(of: "process.stderr.write('x'.repeat(100000) + 'end', () => process.exit())")
        #expect(words.standardError.utf8.count == ScriptEnd.standardErrorBytesMax)
        #expect(words.reason == .exited(0) && words.standardError.hasSuffix("xend"))
    }

    @Test("What is no Node that scripts can run in is refused, with the path and what to do")
    func refusals() async throws {
        try await ScriptFixture.with { fixture in
            let missing = "\(fixture.directory.path)/missing"
            #expect(
                try await fixture.refusal(of: missing)
                    == "\(missing) is not there; install Debian's package nodejs, or name another Node, 18 or newer, in "
                    + "\"scripts.node\" of config/settings.json")
            #expect(try await fixture.refusal(of: "node").hasPrefix("node is not an absolute path; "))
            #expect(try await fixture.refusal(of: fixture.directory.path).contains(" is not a file; "))
            let plain = try fixture.write("#!/bin/sh\n", to: "plain", mode: 0o644)
            #expect(try await fixture.refusal(of: plain).contains("plain cannot be executed: Permission denied; "))
            let answer = #"{"version":"v16.20.2","program":"/usr/bin/node","data":1}"#
            let old = try fixture.write("#!/bin/sh\necho '\(answer)'\n", to: "old", mode: 0o755)
            #expect(try await fixture.refusal(of: old).hasPrefix("\(old) is Node v16.20.2, which is too old; install "))
            let other = try fixture.write("#!/bin/sh\necho hello\n", to: "other", mode: 0o755)
            #expect(try await fixture.refusal(of: other).contains("did not answer as Node does, but: \"hello\"; "))
            let failing = try fixture.write("#!/bin/sh\nexit 3\n", to: "failing", mode: 0o755)
            #expect(try await fixture.refusal(of: failing).contains("it ended with status 3; "))
        }
    }

    @Test("What Landlock cannot do is told, and a kernel without it is no obstacle")
    func missingWalls() async throws {
        try await ScriptFixture.with(Self.echo) { fixture in
            let script = try await fixture.start(arguments: ["--abi", "0"])
            #expect(script.missingWalls.count == 1)
            #expect(script.missingWalls.first?.hasPrefix("Landlock is not there: kernel ") == true)
            #expect(script.missingWalls.first?.hasSuffix("so files are not walled off") == true)
        }
    }

    @Test("A metrics script runs programs, and what they leave behind ends with it, in sessions of their own too")
    func descendants() async throws {
        let main = """
            const { spawn, execFileSync } = require("child_process");
            const sleeping = spawn("setsid", ["sh", "-c", "echo $$; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
            sleeping.stdout.on("data", (pid) => {
              require("fs").writeSync(0, `${execFileSync("echo", ["-n", process.argv[2]])} ${pid}`);
            });
            """
        try await ScriptFixture.with(main) { fixture in
            let script = try await fixture.start(.metrics)
            let words = try await script.line().split(separator: " ")
            #expect(words.first == "metrics")
            let pid = try #require(pid_t(words.last ?? ""))
            let process = try #require(try Kernel.openProcess(pid))
            script.kill()
            #expect(await TimeLimit.run(ScriptFixture.patience) { await Readiness.untilReadable(process) } != nil)
            #expect(await script.end().reason == .killed)
        }
    }
}
