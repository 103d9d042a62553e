// Role: tests of private files and of the lock against a second daemon.
import Foundation
import Glibc
import Testing

@testable import Agent

@Suite("Private files and locks")
struct HostFileTests {
    let directory: HostTestDirectory

    init() throws { directory = try HostTestDirectory() }

    @Test("A made directory has mode 0700, and making it again is no error")
    func makesDirectory() throws {
        let path = directory.file("var")
        try FileModes.makePrivateDirectory(path)
        try FileModes.makePrivateDirectory(path + "/")
        #expect(try hostTestMode(path) == 0o700)
    }

    @Test("A directory that is open to others is refused with the command that mends it")
    func refusesOpenDirectory() throws {
        let path = directory.file("open dir")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        #expect(throws: HostError.wrongMode(path: path, mode: 0o755, wanted: 0o700)) {
            try FileModes.makePrivateDirectory(path)
        }
        #expect(FileModes.checkPrivate(path: path)?.description.hasSuffix("run: chmod 0700 '\(path)'") == true)
    }

    @Test("A file in the directory's place and a missing directory above are refused")
    func refusesDirectory() throws {
        let file = try directory.write("x", to: "file")
        #expect(throws: HostError.notADirectory(path: file)) { try FileModes.makePrivateDirectory(file) }
        let deep = directory.file("no/where")
        #expect(throws: HostError.systemCall(name: "mkdir", subject: deep, code: ENOENT)) {
            try FileModes.makePrivateDirectory(deep)
        }
    }

    @Test("A written file has mode 0600, its bytes, and no temporary file beside it")
    func writesFile() throws {
        let path = directory.file("key.pem")
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        try FileModes.writePrivateFile(path, bytes: bytes)
        #expect(try hostTestMode(path) == 0o600)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes))
        #expect(try directory.names() == ["key.pem"])
        #expect(FileModes.checkPrivate(path: path) == nil)
    }

    @Test("A file that is there stays unless overwriting is asked for, and then becomes private")
    func overwriting() throws {
        let path = try directory.write("old", to: "key", mode: 0o644)
        #expect(throws: HostError.alreadyExists(path: path)) {
            try FileModes.writePrivateFile(path, bytes: Array("new".utf8))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try directory.names() == ["key"])
        try FileModes.writePrivateFile(path, bytes: Array("new".utf8), overwriting: true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
        #expect(try hostTestMode(path) == 0o600)
        #expect(try directory.names() == ["key"])
    }

    @Test("A write that cannot be finished leaves no temporary file")
    func failedWrite() throws {
        let path = directory.file("taken")
        try FileModes.makePrivateDirectory(path)
        #expect(throws: HostError.systemCall(name: "rename", subject: path, code: EISDIR)) {
            try FileModes.writePrivateFile(path, bytes: [1], overwriting: true)
        }
        #expect(try directory.names() == ["taken"])
    }

    @Test("A file that others can read is refused with the command that mends it", arguments: [0o640, 0o604, 0o620])
    func checksMode(mode: Int) throws {
        let path = try directory.write("x", to: "f", mode: mode)
        let problem = try #require(FileModes.checkPrivate(path: path))
        #expect(problem == .wrongMode(path: path, mode: UInt32(mode), wanted: 0o600))
        #expect(problem.description.contains("run: chmod 0600 \(path)"))
    }

    @Test("A file of another user is refused with the command that mends it", .enabled(if: geteuid() == 0))
    func checksOwner() throws {
        let path = try directory.write("x", to: "f")
        try FileManager.default.setAttributes([.ownerAccountID: 12_345], ofItemAtPath: path)
        let problem = try #require(FileModes.checkPrivate(path: path))
        #expect(problem == .wrongOwner(path: path, owner: 12_345, wanted: 0))
        #expect(problem.description.contains("run: chown 0 \(path)"))
    }

    @Test("A missing file is an error of the check")
    func checksMissing() {
        let path = directory.file("none")
        #expect(FileModes.checkPrivate(path: path) == .systemCall(name: "stat", subject: path, code: ENOENT))
    }

    @Test(
        "The directory of a path is found",
        arguments: [("a", "."), ("/a", "/"), ("/a/b", "/a"), ("/a/b/", "/a"), ("a/b", "a"), ("/", "/")])
    func parent(path: String, expected: String) {
        #expect(FileModes.parent(of: path) == expected)
    }

    @Test("A second lock of the same file is refused with the pid of the first, and granted when that is gone")
    func secondLock() throws {
        let path = directory.file("lock")
        do {
            let first = try LockFile(path: path)
            #expect(throws: HostError.lockHeld(path: path, pid: getpid())) { _ = try LockFile(path: path) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
            #expect(try hostTestMode(first.path) == 0o600)
        }
        _ = try LockFile(path: path)
    }

    @Test("The lock is free at once, even while a child that is being started still has a copy of its descriptor")
    func releaseWithCopy() throws {
        let path = directory.file("lock")
        var copy: CInt = -1
        do {
            let held = try LockFile(path: path)
            // As fork makes one, which lives until exec.
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
                if target == held.path, let number = CInt(name) { copy = dup(number) }
            }
        }
        try #require(copy >= 0)
        defer { close(copy) }
        _ = try LockFile(path: path)
    }

    @Test("Another process is kept out while the lock is held and let in afterwards")
    func secondProcess() throws {
        let path = directory.file("lock")
        do {
            let held = try LockFile(path: path)
            #expect(try hostTestRun("flock", "-n", held.path, "true").status == 1)
        }
        #expect(try hostTestRun("flock", "-n", path, "true").status == 0)
    }

    @Test("The pid of a holder in another process is told")
    func foreignHolder() throws {
        let path = directory.file("lock")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "exec 9<>'\(path)'; flock 9; echo $$ >&9; echo locked; read line"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        #expect(output.fileHandleForReading.availableData == Data("locked\n".utf8))
        #expect(throws: HostError.lockHeld(path: path, pid: process.processIdentifier)) {
            _ = try LockFile(path: path)
        }
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        _ = try LockFile(path: path)
    }

    @Test("A pid counts only when it was written whole")
    func holder() {
        #expect(LockFile.holder(Array("123\n".utf8)) == 123)
        #expect(LockFile.holder(Array("12".utf8)) == nil)
        #expect(LockFile.holder([]) == nil)
    }
}
