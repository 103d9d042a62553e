// Tests of private files and of the lock against a second daemon.
import Foundation
import Glibc
import OperatingSystem
import TestSupport
import Testing

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
        #expect(throws: SystemError.wrongMode(path: path, mode: 0o755, wanted: 0o700)) {
            try FileModes.makePrivateDirectory(path)
        }
        #expect(FileModes.checkPrivate(path: path)?.description.hasSuffix("run: chmod 0700 '\(path)'") == true)
    }

    @Test("A file in the directory's place and a missing directory above are refused")
    func refusesDirectory() throws {
        let file = try directory.write("x", to: "file")
        #expect(throws: SystemError.notADirectory(path: file)) { try FileModes.makePrivateDirectory(file) }
        let deep = directory.file("no/where")
        #expect(throws: SystemError.call(name: "mkdir", subject: deep, code: ENOENT)) {
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
        #expect(throws: SystemError.alreadyExists(path: path)) {
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
        #expect(throws: SystemError.call(name: "rename", subject: path, code: EISDIR)) {
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
        #expect(FileModes.checkPrivate(path: path) == .call(name: "stat", subject: path, code: ENOENT))
    }

    @Test(
        "The directory of a path is found",
        arguments: [("a", "."), ("/a", "/"), ("/a/b", "/a"), ("/a/b/", "/a"), ("a/b", "a"), ("/", "/")])
    func parent(path: String, expected: String) {
        #expect(FileModes.parent(of: path) == expected)
    }
}
