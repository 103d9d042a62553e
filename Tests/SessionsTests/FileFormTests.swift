// Files in forms that other programs read, and output of other programs.
import OperatingSystem
import Sessions
import TestSupport
import Testing

@Suite("Files of other programs")
struct FileFormTests {
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

    @Test("Known hosts are written as ssh looks them up")
    func knownHosts() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/known_hosts"
        #expect(throws: SystemError.self) {
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
