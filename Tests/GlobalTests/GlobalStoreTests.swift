// The writer of the cluster's configuration: what it refuses, and the record that it keeps of what it does.
import Directory
import Global
import MemberConfiguration
import Replica
import Store
import Synchronization
import TestSupport
import Testing

@Suite("Writer of the cluster's configuration")
struct GlobalStoreTests {
    private let script = GlobalName.script("Needs GPU")

    private func mistakes(_ member: GlobalFixture, _ proposals: GlobalProposal...) async throws -> [String] {
        do {
            _ = try await member.writer.change(proposals, by: GlobalFixture.author)
            return []
        } catch let error as ConfigurationErrors {
            return error.lines
        }
    }

    @Test("A change counts when it is answered, and its record says who, by what, and what was before")
    func change() async throws {
        let member = try GlobalFixture()
        let added = try await member.change(GlobalProposal(script, "() => 1", .nothing))[0]
        #expect(added.effect == .added && member.index.current.scripts == ["Needs GPU": "() => 1"])
        let first = try #require(added.version)
        let changed = try await member.change(GlobalProposal(script, "() => 2", .version(first)))[0]
        let second = try #require(changed.version)
        let same = try await member.change(GlobalProposal(script, "() => 2"))[0]
        #expect(changed.effect == .changed && same.effect == .unchanged && same.version == second)
        let removed = try await member.change(GlobalProposal(script, nil))[0]
        #expect(removed.effect == .removed && member.index.current.scripts.isEmpty)
        let records = try member.trail.records(of: script.key)
        #expect(
            records.map(\.before) == [nil, first, second] && records.map(\.after) == [first, second, removed.version])
        #expect(records.map(\.effect) == [.added, .changed, .removed])
        #expect(
            records[1].values == .whole(before: Array("() => 1".utf8), after: Array("() => 2".utf8))
                && records[1].author == GlobalFixture.author && records[1].serverID == "a")
        await member.store.close()
    }

    @Test("A change of another version than the one in the map says who has written that and when, and writes nothing")
    func stale() async throws {
        let member = try GlobalFixture(rules: .init(writer: { $0 == Origin(raw: 7) ? "b" : nil }))
        let first = try #require(try await member.change(GlobalProposal(script, "() => 1"))[0].version)
        let theirs = try await member.receive(script.key, "() => 2", millisecondsAhead: 5)
        let refusal = GlobalRefusal.stale(script, found: theirs, writer: "b")
        await #expect(throws: refusal) { try await member.change(GlobalProposal(script, "() => 3", .version(first))) }
        await #expect(throws: refusal) { try await member.change(GlobalProposal(script, "() => 3", .nothing)) }
        #expect(refusal.description.contains("at \(theirs.clock.time.text) by b; nothing was written"))
        await #expect(throws: GlobalRefusal.stale(.placement, found: nil, writer: nil)) {
            try await member.change(GlobalProposal(.placement, "{}", .version(first)))
        }
        await #expect(throws: GlobalRefusal.absent(.placement)) {
            try await member.change(GlobalProposal(.placement, nil))
        }
        #expect(try member.trail.records(of: nil).count == 1)
        await member.store.close()
    }

    @Test(
        "Of changes that are made at once from one version one is made; without a version all are, one after the other")
    func concurrent() async throws {
        let member = try GlobalFixture()
        let first = try #require(try await member.change(GlobalProposal(script, "() => 0"))[0].version)
        let made = await withTaskGroup(of: Bool.self) { group in
            for number in 1...10 {
                group.addTask {
                    do {
                        try await member.change(GlobalProposal(script, "() => \(number)", .version(first)))
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 11...30 {
                // Beside them writes that the writer does not know of.
                group.addTask { try await member.receive(script.key, "() => \(-number)") }
                group.addTask { try await member.change(GlobalProposal(script, "() => \(number)")) }
            }
            try await group.waitForAll()
        }
        let records = try member.trail.records(of: script.key)
        #expect(records.count == 22)
        let versions = records.map(\.after)
        #expect(Set(versions).count == 22 && records.allSatisfy { ($0.before ?? $0.after) <= $0.after })
        await member.store.close()
    }

    @Test("What may not be is refused, with all mistakes, and nothing of it is written")
    func contents() async throws {
        let member = try GlobalFixture(predefined: ["Least loaded"])
        let lines = try await mistakes(
            member, GlobalProposal(script, "() => 1"), GlobalProposal(.metric("m"), " "),
            GlobalProposal(.script("Least loaded"), "() => 2"),
            GlobalProposal(.placement, #"{"start": ["Needs GPU", "Least loaded", "Needs CPU"]}"#))
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("config/metrics/m: an empty text is not allowed"))
        #expect(
            lines[1]
                == "config/scripts/Least loaded: is shipped with the program and cannot be changed; copy it under another name"
        )
        #expect(lines[2].hasPrefix("config/placement: start[2]: there is no script \"Needs CPU\""))
        #expect(lines[2].hasSuffix("did you mean \"Needs GPU\"?"))
        #expect(member.index.current == GlobalConfiguration() && member.store.summary.count == 0)
        try await member.change(
            GlobalProposal(.placement, #"{"login": ["Needs GPU"]}"#), GlobalProposal(script, "() => 1"))
        #expect(
            try await mistakes(member, GlobalProposal(script, nil)) == [
                "config/scripts/Needs GPU: is named in login of config/placement; take it out there first"
            ])
        try await member.change(GlobalProposal(.script("\u{E9}"), "() => 1"))
        #expect(try await mistakes(member, GlobalProposal(.script("e\u{301}"), "() => 1")).count == 1)
        try await member.change(GlobalProposal(script, nil), GlobalProposal(.placement, nil))
        #expect(member.index.current.placement == PlacementConfiguration())
        await member.store.close()
    }

    @Test("A text is checked before it is written, and a member that may not write says why")
    func rules() async throws {
        let sentence = GlobalRefusal.notWritable(reason: "clock", sentence: "the clock is wrong")
        let isWritable = Mutex(true)
        let member = try GlobalFixture(
            rules: .init(
                refusal: { isWritable.withLock { $0 } ? nil : sentence }))
        await member.writer.checkTexts { name, text in
            text.hasPrefix("(") ? nil : .script(name, line: 2, column: 7, "unexpected\ntoken")
        }
        #expect(
            try await mistakes(member, GlobalProposal(script, "x")) == [
                "config/scripts/Needs GPU: line 2, column 7: unexpected\\u000atoken"
            ])
        #expect(try await member.writer.check([GlobalProposal(script, "() => 1")]).map(\.effect) == [.added])
        isWritable.withLock { $0 = false }
        await #expect(throws: sentence) { try await member.change(GlobalProposal(script, "() => 1")) }
        #expect(try member.trail.records(of: nil).isEmpty)
        #expect(member.store.summary.count == 0)
        await member.store.close()
    }

    private struct Impossible: AuditTrail {
        func writes(keeping record: AuditRecord) -> FollowingWrites { FollowingWrites(local: [.put([], [1])]) }
        func records(of key: Key?) throws(StoreError) -> [AuditRecord] { [] }
    }

    @Test("Nothing is changed where no record of it can be kept")
    func audited() async throws {
        let member = try GlobalFixture()
        let writer = GlobalConfigurationStore(
            serverID: "a", store: member.store, index: member.index, trail: Impossible())
        await #expect(throws: StoreError.localKeyLength(0)) {
            try await writer.change([GlobalProposal(script, "() => 1")], by: GlobalFixture.author)
        }
        #expect(member.store.summary.count == 0)
        await member.store.close()
    }
}
