// What the module asks of the system: users, processes, private files, locks.
import Glibc
import OperatingSystem
import TestSupport
import Testing

@Suite("Users, files and processes")
struct SystemTests {
    @Test(
        "A name is letters, digits and a few signs, and nothing that a program could take for something else",
        arguments: [
            ("alice", true), ("_x", true), ("A.b-c_1", true), (String(repeating: "a", count: 32), true), ("", false),
            ("-oProxyCommand=x", false), ("1st", false), ("host$", false), ("a b", false), ("a\n", false),
            ("a/b", false),
            ("ä", false), ("a@b", false), (String(repeating: "a", count: 33), false),
        ])
    func names(name: String, isValid: Bool) {
        #expect(UnixUser.isValidName(name) == isValid)
    }

    @Test("Users are found by name and by id")
    func users() throws {
        let root = try #require(try UnixUser.withID(0))
        #expect(root.name == "root" && root.isSystemAccount && root.groups.first == "root")
        #expect(try UnixUser.named("root") == root)
        #expect(try UnixUser.named("no-such-user") == nil)
        #expect(try UnixUser.withID(4_000_000_123) == nil)
        #expect(try UnixUser.current().uid == geteuid())
    }

    @Test("A directory that is a link, or that others can enter, is refused")
    func directories() throws {
        let directory = try TemporaryDirectory()
        try PrivateDirectory.makeAll(directory.path + "/a/b/c")
        try PrivateDirectory.check(directory.path + "/a/b/c")
        #expect(unsafe symlink(directory.path + "/a", directory.path + "/link") == 0)
        #expect(throws: SystemError.self) { try PrivateDirectory.make(directory.path + "/link") }
        #expect(unsafe chmod(directory.path + "/a", 0o750) == 0)
        #expect(throws: SystemError.self) { try PrivateDirectory.make(directory.path + "/a") }
    }

    @Test("A directory of somebody else is refused", .enabled(if: geteuid() == 0))
    func foreignDirectory() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a"
        try PrivateDirectory.make(path)
        #expect(unsafe chown(path, 12_345, 12_345) == 0)
        #expect(throws: SystemError.self) { try PrivateDirectory.make(path) }
    }

    @Test("A file is replaced whole, with mode 0600")
    func files() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        #expect(try PrivateDirectory.readFile(path) == nil)
        try PrivateDirectory.replaceFile(path, with: [1, 2])
        try PrivateDirectory.replaceFile(path, with: [3])
        #expect(try PrivateDirectory.readFile(path) == [3])
        var status = stat()
        #expect(unsafe stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(try PrivateDirectory.names(in: directory.path) == ["file"])
    }

    @Test("A lock is held until its owner goes, and tells who that is")
    func locks() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/lock"
        #expect(try !FileLock.isHeld(path))
        var lock = try FileLock.take(path)
        try lock?.describe("\(getpid())\n")
        #expect(try FileLock.isHeld(path))
        #expect(try FileLock.take(path) == nil)
        #expect(try FileLock.holder(of: path)?.pid == getpid())
        lock = nil
        #expect(try !FileLock.isHeld(path) && lock == nil)
        #expect(try FileLock.holder(of: path) == nil)
    }

    @Test("A process's line is read whatever the program is called")
    func processLines() throws {
        let text = "4242 (a) R 1 (b)) S 17 4242 4242 0 -1 4194304 1 2 3 4 11 12 13 14 20 0 1 0 98765 1 2 3"
        let entry = try #require(ProcessTable.parse(text))
        #expect(entry.pid == 4_242 && entry.parent == 17 && entry.cpuTicks == 50 && entry.startTicks == 98_765)
        #expect(ProcessTable.parse("") == nil)
        #expect(ProcessTable.parse("1 (x) S 1") == nil)
    }

    @Test("A tree of processes holds each of them once, even where ids go in a circle")
    func trees() {
        func entry(_ pid: Int, _ parent: Int) -> ProcessEntry? {
            ProcessTable.parse("\(pid) (x) S \(parent) 0 0 0 -1 0 1 2 3 4 1 1 1 1 20 0 1 0 5 1 2 3")
        }
        let entries = [entry(2, 1), entry(3, 2), entry(4, 3), entry(5, 1), entry(7, 8), entry(8, 7)].compactMap { $0 }
        let table = ProcessTable(entries)
        #expect(table.descendants(of: 2).map(\.pid).sorted() == [3, 4])
        #expect(table.descendants(of: 7).map(\.pid) == [8])
        #expect(table.descendants(of: 99).isEmpty)
    }

    @Test("This process is in the table, with its memory and its environment")
    func ownProcess() throws {
        let table = try ProcessTable.read()
        let own = try #require(table[getpid()])
        #expect(own.ownMemoryBytes() > 100_000)
        let home = try #require(unsafe getenv("PATH").map { unsafe String(cString: $0) })
        #expect(table.entries(withVariable: "PATH=" + home).contains(own))
    }

    @Test("Only a sealed file in memory passes for one")
    func sealedFiles() throws {
        let file = try SealedFile.make([1, 2, 3], name: "test")
        try SealedFile.check(file)
        #expect(try file.contents(byteCountMax: 2) == [1, 2])
        var byte: UInt8 = 0
        #expect(unsafe write(file.raw, &byte, 1) < 0)
        let pipe = try TestPipe()
        #expect(throws: SystemError.self) { try SealedFile.check(pipe.reading) }
        let other = OwnedDescriptor(adopting: unsafe open("/etc/passwd", O_RDONLY | O_CLOEXEC))
        #expect(throws: SystemError.self) { try SealedFile.check(other) }
    }

    @Test(
        "A text is one word of a shell, whatever it holds",
        arguments: [
            ("a'b $(c)", "'a'\\''b $(c)'"), ("", "''"), ("/usr/bin/x-1.2_y+z:a@b", "/usr/bin/x-1.2_y+z:a@b"),
            ("~", "'~'"), ("a\nb", "'a\nb'"),
        ])
    func shellWords(text: String, word: String) {
        #expect(ShellText.word(text) == word)
    }
}
