// What a member makes of values that others write: it follows them, and keeps the last good one.
import Global
import MemberConfiguration
import Replica
import Store
import Testing

@Suite("Index of the cluster's configuration")
struct IndexTests {
    private let script = GlobalName.script("Needs GPU")

    @Test("Values are known at once when read, and followed as they change, go and are missed")
    func follows() async throws {
        let member = try GlobalFixture()
        try await member.receive(script.key, "() => 1")
        try await member.receive(try Key("config/motd"), "hello")
        try await member.index.load()
        #expect(member.index.current == GlobalConfiguration([script: .text("() => 1")]))
        // Nothing may wait: every change is one that may be missed.
        let (states, running) = member.follow(bufferedByteCountMax: 1)
        try await member.receive(script.key, "() => 2")
        #expect(await states.first { $0.configuration.scripts["Needs GPU"] == "() => 2" } != nil)
        try await member.receive(GlobalName.metric("load").key, "() => 3")
        try await member.receive(GlobalName.placement.key, #"{"start": ["Needs GPU"]}"#)
        let full = await states.first { $0.configuration.placement.start == ["Needs GPU"] }
        #expect(full?.configuration.metrics == ["load": "() => 3"] && full?.mistakes == [])
        try await member.receive(GlobalName.metric("load").key, nil)
        #expect(await states.first { $0.configuration.metrics.isEmpty } != nil)
        running.cancel()
        await member.store.close()
    }

    @Test(
        "A value with a mistake leaves the last good one in place and is named, also after a restart, until it is mended"
    )
    func lastGood() async throws {
        var member = try GlobalFixture()
        let placement = GlobalName.placement.key
        var (states, running) = member.follow()
        try await member.receive(placement, #"{"showLoginErrors": false}"#)
        #expect(await states.first { !$0.configuration.placement.showLoginErrors } != nil)
        let version = try await member.receive(placement, #"{"shwoLoginErrors": false}"#)
        let state = try #require(await states.first { !$0.mistakes.isEmpty })
        #expect(!state.configuration.placement.showLoginErrors)
        #expect(state.mistakes.map(\.key) == [placement] && state.mistakes[0].version == version)
        #expect(state.mistakes[0].used == .lastGood)
        #expect(state.mistakes[0].lines.count == 1)
        #expect(state.mistakes[0].lines[0].contains("config/placement: shwoLoginErrors:"))
        running.cancel()
        await member.store.close()

        member = try GlobalFixture(member.directory, origin: 2)
        try await member.index.load()
        #expect(!member.index.current.placement.showLoginErrors)
        #expect(member.index.mistakes == state.mistakes)
        (states, running) = member.follow()
        try await member.receive(placement, "{}")
        #expect(await states.first { $0.mistakes.isEmpty && $0.configuration.placement.showLoginErrors } != nil)
        running.cancel()
        await member.store.close()
    }

    @Test("What was removed while the agent was stopped does not come back as a last good value")
    func removedMeanwhile() async throws {
        var member = try GlobalFixture()
        let (states, running) = member.follow()
        try await member.receive(script.key, "() => 1")
        _ = await states.first { !$0.configuration.scripts.isEmpty }
        running.cancel()
        await running.value
        try await member.receive(script.key, nil)
        await member.store.close()
        member = try GlobalFixture(member.directory, origin: 2)
        try await member.index.load()
        #expect(member.index.current == GlobalConfiguration())
        try await member.receive(script.key, " ")
        let (later, followed) = member.follow()
        let state = await later.first { !$0.mistakes.isEmpty }
        #expect(state?.configuration.scripts == [:] && state?.mistakes.first?.used == .nothing)
        followed.cancel()
        await member.store.close()
    }

    @Test(
        "What nobody can use is named and not used: bad names, names of shipped scripts, and names that look the same")
    func names() async throws {
        let member = try GlobalFixture(predefined: ["Least loaded"])
        try await member.receive(try Key("config/scripts/a/b"), "() => 1")
        try await member.receive(GlobalName.script("Least loaded").key, "() => 2")
        try await member.receive(GlobalName.script("e\u{301}").key, "() => 3")
        try await member.receive(GlobalName.script("\u{E9}").key, "() => 4")
        try await member.index.load()
        #expect(member.index.current.scripts == ["\u{E9}": "() => 3"])
        #expect(
            member.index.mistakes.map { "\($0.key): \($0.used)" } == [
                "config/scripts/Least loaded: it is not used", "config/scripts/a/b: it is not used",
                "config/scripts/\u{E9}: it is not used",
            ])
        #expect(member.index.mistakes[0].lines[0].hasSuffix("cannot be changed; copy it under another name"))
        await member.store.close()
    }

    @Test("A chain is not shortened where a script is missing: the mistake is named until the script is there")
    func missingScript() async throws {
        let member = try GlobalFixture()
        try await member.receive(GlobalName.placement.key, #"{"login": ["Needs GPU"]}"#)
        let (states, running) = member.follow()
        let state = await states.first { !$0.mistakes.isEmpty }
        #expect(state?.configuration.placement.login == ["Needs GPU"])
        #expect(state?.mistakes.first?.used == .itself)
        try await member.receive(script.key, "() => 1")
        #expect(await states.first { $0.mistakes.isEmpty } != nil)
        running.cancel()
        await member.store.close()
    }
}
