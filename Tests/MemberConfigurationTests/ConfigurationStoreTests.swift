// Tests of the one writer of configuration: nothing is lost, nothing is half done, and nothing waits for ever.

import Glibc
import JSON
import MemberConfiguration
import OperatingSystem
import Synchronization
import Testing

/// What parts were told, in order.
private final class Told: Sendable {
    private let list = Mutex<[String]>([])
    var all: [String] { list.withLock { $0 } }
    func add(_ line: String) { list.withLock { $0.append(line) } }

    /// A part that takes everything.
    func part(_ name: String) -> ConfigurationFollower {
        ConfigurationFollower(name) { old, new in
            self.add("\(name): \(old.settings.storeMapGiB) -> \(new.settings.storeMapGiB)")
        }
    }
}

private struct Refused: Error, CustomStringConvertible {
    let description = "this part takes nothing"
}

@Suite("The one writer of configuration")
struct ConfigurationStoreTests {
    private let directory = TemporaryDirectory()

    private func makeStore() throws -> ConfigurationStore {
        if directory.names().isEmpty {
            try directory.write("{}", to: "certificate.pem")
            try directory.write("{}", to: "key.pem")
            try directory.configuration.write(Configuration())
        }
        return ConfigurationStore(directory.configuration, current: try directory.configuration.load().0)
    }

    private func settings(
        storeMapGiB: Int, expected: ConfigurationVersion? = nil
    ) -> ConfigurationProposal {
        var settings = SettingsConfiguration()
        settings.storeMapGiB = storeMapGiB
        return ConfigurationProposal(settings, expected: expected, source: "a test")
    }

    private func stored() throws -> Int {
        try directory.configuration.load(SettingsConfiguration.self).content.storeMapGiB
    }

    @Test("A change is taken up by all parts, written, and told with its lines")
    func change() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([told.part("a"), told.part("b")])
        await store.observe { told.add("\($0.source ?? "?"): \($0.change.lines)") }
        try await store.change(settings(storeMapGiB: 8))
        #expect(
            told.all == [
                "a: 1024 -> 8", "b: 1024 -> 8",
                #"a test: ["settings.json: storeMapGiB: 1024 -> 8; takes effect at the next start"]"#,
            ])
        #expect(try stored() == 8)
        #expect(store.current.settings.storeMapGiB == 8)
    }

    @Test("Two writers at once lose nothing")
    func twoWriters() async throws {
        let stores = [try makeStore(), try makeStore(), try makeStore()]
        let countEach = 20
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask {
                    for count in 0..<countEach { try await Self.add("\(number)-\(count)", store) }
                }
            }
            try await group.waitForAll()
        }
        let object = try directory.configuration.load(StaticDataConfiguration.self).content.object
        #expect(object.count == stores.count * countEach)
    }

    /// As the commands do it: made again from what is there, where somebody else was faster.
    private static func add(_ key: String, _ store: ConfigurationStore) async throws {
        while true {
            var (content, version) = try store.directory.loadVersioned(StaticDataConfiguration.self)
            content.object[key] = true
            do {
                try await store.change(ConfigurationProposal(content, expected: version, source: "a test"))
                return
            } catch ConfigurationRefusal.stale {
                continue
            }
        }
    }

    @Test("A change that was made from another content than the file has is refused and says so")
    func stale() async throws {
        let store = try makeStore()
        let version = try directory.configuration.version(of: SettingsConfiguration.self)
        try directory.write("{\"storeMapGiB\": 4}", to: "settings.json")
        let found = try directory.configuration.version(of: SettingsConfiguration.self)
        let error = await #expect(throws: ConfigurationRefusal.self) {
            try await store.change(settings(storeMapGiB: 8, expected: version))
        }
        #expect(error == .stale(file: "config/settings.json", expected: version, found: found))
        #expect(error?.description.contains("somebody else has changed it; nothing was written") == true)
        #expect(try stored() == 4)
        try await store.change(settings(storeMapGiB: 8, expected: found))
        #expect(try stored() == 8)
    }

    @Test("Where a part refuses, the file stays and the parts before it go back, the last one first")
    func rollback() async throws {
        let (store, told) = (try makeStore(), Told())
        let before = try directory.configuration.version(of: SettingsConfiguration.self)
        await store.follow([
            told.part("a"), told.part("b"), ConfigurationFollower("c") { _, _ in throw Refused() }, told.part("d"),
        ])
        await store.observe { _ in told.add("told") }
        await #expect(throws: Refused.self) { try await store.change(settings(storeMapGiB: 8)) }
        #expect(told.all == ["a: 1024 -> 8", "b: 1024 -> 8", "b: 8 -> 1024", "a: 8 -> 1024"])
        #expect(try directory.configuration.version(of: SettingsConfiguration.self) == before)
        #expect(store.current.settings.storeMapGiB == 1024)
    }

    @Test("A part that cannot go back is named")
    func notTakenBack() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([
            told.part("a"),
            ConfigurationFollower("the stubborn one") { _, new in
                if new.settings.storeMapGiB == 1024 { throw Refused() }
            }, ConfigurationFollower("c") { _, _ in throw Refused() },
        ])
        let error = await #expect(throws: ConfigurationRefusal.self) {
            try await store.change(settings(storeMapGiB: 8))
        }
        #expect(error?.description.contains("the stubborn one could not go back") == true)
        #expect(told.all == ["a: 1024 -> 8", "a: 8 -> 1024"], "the others go back all the same")
    }

    @Test("Where the file cannot be written, the parts go back")
    func failedWrite() async throws {
        let (store, told) = (try makeStore(), Told())
        let file = directory.path + "/settings.json"
        defer { _ = unsafe rmdir(file) }
        await store.follow([
            told.part("a"),
            ConfigurationFollower("whoever puts a directory there") { _, _ in
                _ = unsafe unlink(file)
                _ = unsafe mkdir(file, 0o700)
            },
        ])
        let error = await #expect(throws: ConfigurationErrors.self) {
            try await store.change(settings(storeMapGiB: 8))
        }
        #expect(error?.lines.first?.contains("cannot write it") == true)
        #expect(told.all == ["a: 1024 -> 8", "a: 8 -> 1024"])
    }

    @Test("Until all parts have a change the file is the old one: a crash leaves what the agent was able to take")
    func crash() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([ConfigurationFollower("c") { _, _ in told.add("\(try stored())") }])
        try await store.change(settings(storeMapGiB: 8))
        #expect(told.all == ["1024"])
        #expect(try stored() == 8)
    }

    @Test("A file with mistakes is refused before any part hears of it")
    func mistakes() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([told.part("a")])
        let error = await #expect(throws: ConfigurationErrors.self) {
            try await store.change(
                ConfigurationProposal(
                    SettingsConfiguration.self, text: Array(#"{"storeMapGiB": 0}"#.utf8), expected: nil,
                    source: "a test"))
        }
        #expect(
            error?.lines == [
                "config/settings.json: storeMapGiB: 0 is not allowed; allowed: a whole number of GiB, 1 to 16384"
            ])
        let missing = await #expect(throws: ConfigurationErrors.self) {
            try await store.change(
                ConfigurationProposal(
                    WebConfiguration.self, text: Array(#"{"key": "none.pem"}"#.utf8), expected: nil, source: "a test"))
        }
        #expect(missing?.lines.count == 1 && missing?.lines.first?.contains("none.pem") == true)
        #expect(told.all.isEmpty)
    }

    @Test("A file that was edited by hand goes the same way")
    func editedByHand() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([told.part("a")])
        await store.observe { told.add("\($0.source ?? "edited"), \($0.change.lines.count)") }
        try directory.write("{\"storeMapGiB\": 4}", to: "settings.json")
        try await store.reload()
        #expect(told.all == ["a: 1024 -> 4", "edited, 1"])
        #expect(store.current.settings.storeMapGiB == 4)
    }

    @Test("Changes of one process are taken one after the other")
    func inTurn() async throws {
        let (store, told) = (try makeStore(), Told())
        await store.follow([
            ConfigurationFollower("slow") { _, _ in
                told.add("in")
                for _ in 0..<10 { await Task.yield() }
                told.add("out")
            }
        ])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for size in 1...5 { group.addTask { try await store.change(settings(storeMapGiB: size)) } }
            for _ in 1...5 { group.addTask { try await store.reload() } }
            try await group.waitForAll()
        }
        #expect(told.all == Array(repeating: ["in", "out"], count: 10).flatMap { $0 })
    }

    @Test("Whoever finds the lock taken waits for it, and not for ever")
    func lock() async throws {
        let store = try makeStore()
        var held: ConfigurationLock? = try await ConfigurationLock.take(directory.configuration)
        await #expect(throws: ConfigurationRefusal.locked(path: directory.configuration.lockFile)) {
            _ = try await ConfigurationLock.take(directory.configuration, within: .milliseconds(30))
        }
        async let changed = store.change(settings(storeMapGiB: 8))
        #expect(try stored() == 1024)
        withExtendedLifetime(held) {}
        held = nil
        _ = try await changed
        #expect(try stored() == 8)
    }
}
