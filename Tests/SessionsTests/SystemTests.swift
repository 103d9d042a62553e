// What the module asks of the system: users, processes, private files, locks.
import Glibc
import Sessions
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
        #expect(throws: SessionsError.self) { try PrivateDirectory.make(directory.path + "/link") }
        #expect(unsafe chmod(directory.path + "/a", 0o750) == 0)
        #expect(throws: SessionsError.self) { try PrivateDirectory.make(directory.path + "/a") }
    }

    @Test("A directory of somebody else is refused", .enabled(if: geteuid() == 0))
    func foreignDirectory() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a"
        try PrivateDirectory.make(path)
        #expect(unsafe chown(path, 12_345, 12_345) == 0)
        #expect(throws: SessionsError.self) { try PrivateDirectory.make(path) }
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
        #expect(throws: SessionsError.self) { try SealedFile.check(pipe.reading) }
        let other = OwnedDescriptor(adopting: unsafe open("/etc/passwd", O_RDONLY | O_CLOEXEC))
        #expect(throws: SessionsError.self) { try SealedFile.check(other) }
    }

    @Test("An Xauthority file says for whom a cookie is, and no two cookies are the same")
    func authority() {
        let authority = XAuthority()
        let server = authority.fileForServer()
        #expect(Array(server.prefix(8)) == [0xFF, 0xFF, 0, 0, 0, 0, 0, 18])
        #expect(server.count == 8 + 18 + 2 + 16)
        let clients = authority.fileForClients(display: "12", hostName: "host")
        #expect(Array(clients.prefix(12)) == [1, 0, 0, 4] + Array("host".utf8) + [0, 2] + Array("12".utf8))
        #expect(clients.suffix(16) == server.suffix(16))
        #expect(XAuthority().fileForServer() != server)
    }

    @Test("A text is one word of a shell, whatever it holds")
    func shellWords() {
        #expect(ShellText.quoted("a'b $(c)") == "'a'\\''b $(c)'")
    }

    @Test("Known hosts are written as ssh looks them up")
    func knownHosts() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/known_hosts"
        #expect(throws: SessionsError.self) {
            try KnownHosts.write(to: path, host: "h", port: 22, directory: directory.path)
        }
        try PrivateDirectory.replaceFile(
            directory.path + "/ssh_host_ed25519_key.pub", with: Array("ssh-ed25519 AAAA root@h\n".utf8))
        try KnownHosts.write(to: path, host: "127.0.0.1", port: 2_222, directory: directory.path)
        #expect(try PrivateDirectory.readFile(path) == Array("[127.0.0.1]:2222 ssh-ed25519 AAAA\n".utf8))
        try KnownHosts.write(to: path, host: "h", port: 22, directory: directory.path)
        #expect(try PrivateDirectory.readFile(path) == Array("h ssh-ed25519 AAAA\n".utf8))
    }

    @Test("The last lines of a long output are kept, without control characters")
    func lastLines() {
        var lines = LastLines()
        for number in 0..<10_000 { lines.append(Array("line \(number)\u{1B}[0m\n\n".utf8)) }
        #expect(lines.text.hasSuffix("line 9998[0m | line 9999[0m"))
        #expect(lines.text.split(separator: "|").count == 5)
    }
}

@Suite("Events that wait to be read")
struct LinkEventQueueTests {
    @Test("Of one session only the last report waits, in its first place")
    func coalescing() throws {
        var queue = LinkEventQueue()
        var report = try Reports.make(id: "a")
        queue.append(.connected(1))
        queue.append(.session(1, report))
        queue.append(.session(1, try Reports.make(id: "b")))
        report.clients = 5
        queue.append(.session(1, report))
        #expect(queue.popFirst() == .connected(1))
        #expect(queue.popFirst() == .session(1, report))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == nil)
    }

    @Test("After a new connection nothing of the old one is told")
    func reconnection() throws {
        var queue = LinkEventQueue()
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "a")))
        queue.append(.session(2, try Reports.make(id: "c")))
        queue.append(.disconnected(1))
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == .session(2, try Reports.make(id: "c")))
        #expect(queue.popFirst() == .connected(1))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == nil)
    }

    @Test("The last reports of a link are told before its end")
    func lastReports() throws {
        var queue = LinkEventQueue()
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "a")))
        queue.append(.disconnected(1))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "a")))
        #expect(queue.popFirst() == .disconnected(1))
        #expect(queue.popFirst() == nil)
    }

    @Test("However many changes come, what waits is bounded, and the order is that of the first changes")
    func bounded() throws {
        var queue = LinkEventQueue()
        for round in 0..<1_000 {
            for id in ["a", "b", "c"] {
                var report = try Reports.make(id: id)
                report.clients = round
                queue.append(.session(1, report))
            }
            queue.append(.connected(UInt32(round % 2) + 5))
        }
        var order: [String] = []
        while let event = queue.popFirst() {
            if case .session(_, let report) = event {
                #expect(report.clients == 999)
                order.append(report.id)
            }
        }
        #expect(order == ["a", "b", "c"])
    }
}

/// Reports as they come from a link process.
enum Reports {
    static func make(id: String) throws -> SessionReport {
        let json = """
            {"id":"\(id)","name":"n","command":"c","geometry":"800x600","params":{},"state":"running","started":1,
            "clients":0,"memoryBytes":0,"cpuPercent":0,"forgotten":false}
            """
        return try MessageCoding.decode(SessionReport.self, Array(json.utf8))
    }
}
