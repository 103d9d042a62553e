// Tests of the configuration directory: loading, atomic writing, modes.

import Glibc
import JSON
import MemberConfiguration
import OperatingSystem
import TestSupport
import Testing
import Transport

@Suite("Configuration directory")
struct ConfigurationDirectoryTests {
    @Test("What is written is loaded again, with mode 0600 and no temporary file left")
    func roundTrip() throws {
        let directory = TemporaryDirectory()
        var configuration = Configuration()
        configuration.cluster.keys = [KeyEntry(secret: SecretText(testSecret))]
        configuration.settings.sessionsEnabled = false
        configuration.staticData.object = ["gpu": true]
        configuration.debug.topics = [.clusterDatabase]
        configuration.web.listen = HostAndPort(host: "127.0.0.2", port: 3300)
        try directory.configuration.write(configuration)
        let (loaded, warnings) = try directory.configuration.load()
        #expect(loaded == configuration)
        #expect(warnings.isEmpty)
        #expect(directory.names() == ["cluster.json", "debug.json", "settings.json", "static-data.json", "www.json"])
        #expect(directory.configuration.checkModes().isEmpty)
    }

    @Test("Missing files have their defaults, except the two that init makes")
    func missing() throws {
        let directory = TemporaryDirectory()
        let error = #expect(throws: ConfigurationErrors.self) { try directory.configuration.load() }
        #expect(
            error?.lines == [
                "config/cluster.json: there is no such file; run `fastx-agent init`, which makes it",
                "config/www.json: there is no such file; run `fastx-agent init`, which makes it",
            ])
        try directory.write("{}", to: "cluster.json")
        try directory.write("{}", to: "www.json")
        #expect(try directory.configuration.load().0 == Configuration())
    }

    @Test("The mistakes of all files are reported together")
    func allFiles() throws {
        let directory = TemporaryDirectory()
        try directory.write("{", to: "cluster.json")
        try directory.write("{\"port\": 1}", to: "www.json")
        try directory.write("[]", to: "settings.json")
        try directory.write(String(repeating: " ", count: 1024 * 1024 + 1), to: "debug.json")
        let error = #expect(throws: ConfigurationErrors.self) { try directory.configuration.load() }
        #expect(error?.all.map(\.file) == ["cluster", "settings", "debug", "www"].map { "config/\($0).json" })
    }

    @Test("A pipe in place of a file is refused without waiting for it")
    func pipe() throws {
        let directory = TemporaryDirectory()
        _ = unsafe mkfifo(directory.path + "/debug.json", 0o600)
        let error = #expect(throws: ConfigurationErrors.self) {
            try directory.configuration.load(DebugConfiguration.self)
        }
        #expect(error?.lines == ["config/debug.json: is not a regular file; replace it with one"])
    }

    @Test("A write that fails says what failed and leaves the old file and no other")
    func failedWrite() throws {
        let directory = TemporaryDirectory()
        _ = unsafe mkdir(directory.path + "/debug.json", 0o700)
        defer { _ = unsafe rmdir(directory.path + "/debug.json") }
        let error = #expect(throws: ConfigurationErrors.self) {
            try directory.configuration.write(DebugConfiguration())
        }
        let file = directory.path + "/debug.json"
        #expect(error?.lines == ["config/debug.json: cannot write it: rename failed on \(file): Is a directory"])
        #expect(directory.names() == ["debug.json"])
        #expect(throws: ConfigurationErrors.self) {
            try ConfigurationDirectory(path: directory.path + "/missing").write(DebugConfiguration())
        }
    }

    @Test("Loose modes are reported with the command that mends them")
    func looseModes() throws {
        let directory = TemporaryDirectory()
        try directory.write("{}", to: "cluster.json", mode: 0o640)
        try directory.write("{}", to: "it's", mode: 0o604)
        try directory.write("{}", to: "www.json", mode: 0o400)
        _ = unsafe chmod(directory.path, 0o750)
        let path = directory.path
        #expect(
            directory.configuration.checkModes().map(\.description) == [
                "config: mode 0750 lets other users in; allowed: 0700 or stricter; run: chmod 0700 \(path)",
                "config/cluster.json: mode 0640 lets other users in; allowed: 0600 or stricter; "
                    + "run: chmod 0600 \(path)/cluster.json",
                "config/it's: mode 0604 lets other users in; allowed: 0600 or stricter; "
                    + "run: chmod 0600 '\(path)/it'\\''s'",
            ])
    }

    @Test("A foreign owner is reported with the command that mends it", .enabled(if: geteuid() == 0))
    func foreignOwner() throws {
        let directory = TemporaryDirectory()
        try directory.write("{}", to: "www.json")
        _ = unsafe chown(directory.path + "/www.json", 65534, 65534)
        #expect(
            directory.configuration.checkModes().map(\.description) == [
                "config/www.json: belongs to user id 65534, but this program runs as user id 0; "
                    + "run: chown 0 \(directory.path)/www.json"
            ])
    }

    @Test("A missing directory is reported")
    func missingDirectory() {
        let errors = ConfigurationDirectory(path: "/tmp/fastx-no-such-directory").checkModes()
        #expect(errors.map(\.problem) == [.fileMissing])
    }

    @Test("Files that the configuration names and that are missing are reported at their key")
    func referencedFiles() throws {
        let directory = TemporaryDirectory()
        try directory.write("x", to: "certificate.pem")
        var configuration = Configuration()
        configuration.cluster = try ClusterConfiguration.accepted(
            #"{"databaseConnections": [{"url":"https://a","options": {"ca": ["certificate.pem", "/absent.pem"]}}]}"#
        )
        #expect(
            directory.configuration.checkReferencedFiles(configuration).map(\.description) == [
                "config/www.json: key: cannot open \"\(directory.path)/key.pem\": No such file or directory",
                "config/cluster.json: databaseConnections[0].options.ca: cannot open \"/absent.pem\": "
                    + "No such file or directory",
            ])
    }
}
