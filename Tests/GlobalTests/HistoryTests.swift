// Records of changes: how they are kept, what they tell, and what becomes of versions that lost.
import Directory
import Global
import JSON
import MemberConfiguration
import Replica
import Store
import TestSupport
import Testing

@Suite("History of the configuration")
struct HistoryTests {
    private let script = GlobalName.script("Needs GPU")

    @Test("Of a member so many records are kept, the latest, also over a restart, and those of others stay")
    func boundedTrail() async throws {
        let (left, right) = (try GlobalFixture(serverID: "a", origin: 1), try GlobalFixture(serverID: "b", origin: 2))
        try await right.change(GlobalProposal(script, "() => 'right'"))
        try await left.merge(from: right)
        for number in 0..<5 {
            // Made anew each time, as after a restart.
            let trail = try ReplicatedAuditTrail(in: left.store, of: "a", countMax: 3)
            let writer = GlobalConfigurationStore(serverID: "a", store: left.store, index: left.index, trail: trail)
            let author = ChangeAuthor(user: "root", source: "a test")
            _ = try await writer.change([GlobalProposal(script, "() => \(number)")], by: author)
        }
        let records = try left.trail.records(of: script.key)
        #expect(records.map(\.serverID) == ["b", "a", "a", "a"])
        #expect(records.last?.values == .whole(before: Array("() => 3".utf8), after: Array("() => 4".utf8)))
        for member in [left, right] { await member.store.close() }
    }

    @Test("A record that JSON would make too long has hashes and a part of the difference in place of the texts")
    func longRecords() async throws {
        let member = try GlobalFixture(serverID: "a", origin: 1)
        let text = "() => `" + String(repeating: "\"\n", count: 20_000) + "`"
        try await member.change(GlobalProposal(script, text))
        try await member.change(GlobalProposal(script, text + " "))
        let records = try member.trail.records(of: script.key)
        #expect(records.count == 2)
        for record in records {
            guard case .tooLong(_, let after, let difference) = record.values else {
                Issue.record("the texts are there")
                continue
            }
            #expect(after?.count == 32 && !difference.isEmpty)
        }
        await member.store.close()
    }

    @Test("Two sides of a cut end as one version, and the other one is told as overwritten, by whom")
    func overwritten() async throws {
        let (left, right) = (try GlobalFixture(serverID: "a", origin: 1), try GlobalFixture(serverID: "b", origin: 2))
        try await left.change(GlobalProposal(script, "() => 0"))
        try await right.merge(from: left)
        try await left.change(GlobalProposal(script, "() => 1"))
        try await right.change(GlobalProposal(script, "() => 2"))
        try await left.merge(from: right)
        try await right.merge(from: left)
        let current = try #require(try left.version(of: script))
        #expect(try right.version(of: script) == current)
        let records = try left.trail.records(of: nil)
        #expect(try right.trail.records(of: nil) == records)
        let history = GlobalHistory(records, current: current)
        let (loser, winner) = (history.changes[1].record, history.changes[2].record)
        #expect(history.changes.map(\.fate) == [.changed, .overwritten(by: winner), .current])
        #expect(
            Set([loser.serverID, winner.serverID]) == ["a", "b"] && winner.before == history.changes[0].record.after)
        #expect(history.unrecorded == nil)
        // What was overwritten is there to be written again.
        let text = try history.text(of: loser.after)
        try await left.change(GlobalProposal(script, text: text))
        #expect(left.index.current.scripts["Needs GPU"] == text.map { String(decoding: $0, as: UTF8.self) })
        for member in [left, right] { await member.store.close() }
    }

    @Test("Where the record of a later version is not known here, nothing is said of whether it had seen this one")
    func unrecorded() async throws {
        let member = try GlobalFixture()
        let own = try #require(try await member.change(GlobalProposal(script, "() => 1"))[0].version)
        let theirs = try await member.receive(script.key, nil, millisecondsAhead: 5)
        let history = GlobalHistory(try member.trail.records(of: script.key), current: theirs)
        #expect(history.changes.map(\.fate) == [.replaced(by: theirs)] && history.unrecorded == theirs)
        #expect(try history.text(of: own) == Array("() => 1".utf8))
        #expect(throws: GlobalRefusal.self) { try history.text(of: theirs) }
        await member.store.close()
    }

    @Test("A record reads as it was written, also of what is no text")
    func documents() throws {
        let version = Version(clock: Clock(raw: 0x0123_4567), origin: Origin(raw: .max))
        for values in [
            AuditedValues(before: nil, after: Array("a\u{0}ß".utf8)), AuditedValues(before: [0xFF, 0], after: nil),
            .tooLong(before: [1, 2], after: nil, difference: "-a"),
        ] {
            let record = AuditRecord(
                id: "1", time: WallTime(milliseconds: 5), serverID: "a", author: GlobalFixture.author, key: script.key,
                before: version, after: version, values: values)
            #expect(AuditRecord(try JSONValue.parse(record.toJSON().canonicalText)) == record)
        }
        #expect(AuditRecord(["id": "1"]) == nil)
        #expect(Version(text: version.text) == version && version.text == "0000000001234567-ffffffffffffffff")
        for text in ["", "absent", "1-2", version.text + "0", "+00000001234567-ffffffffffffffff"] {
            #expect(Version(text: text) == nil)
        }
    }

    @Test("Values too long for a record leave their hashes and the lines in which they differ")
    func long() throws {
        let lines = (0..<3_000).map { "line \($0) of a long script" }
        var changed = lines
        changed[500] = "another line"
        changed.remove(at: 10)
        let (old, new) = (Array(lines.joined(separator: "\n").utf8), Array(changed.joined(separator: "\n").utf8))
        guard case .tooLong(let before?, let after?, let difference) = AuditedValues(before: old, after: new) else {
            Issue.record("it is whole")
            return
        }
        #expect(before.count == 32 && after.count == 32 && before != after)
        #expect(difference == "-line 10 of a long script\n-line 500 of a long script\n+another line")
        guard case .tooLong(_, nil, let removed) = AuditedValues(before: old + new, after: nil) else {
            Issue.record("it is whole")
            return
        }
        #expect(
            removed.utf8.count <= AuditedValues.byteCountMax
                && removed.hasSuffix("(cut: the difference has 5998 lines)"))
    }

    @Test("A table of records keeps so many, and the oldest go first, also after a restart")
    func bounded() async throws {
        var member = try GlobalFixture()
        let history = try LocalHistory(in: member.store, countMax: 3)
        func record(_ number: UInt64) -> LocalRecord {
            LocalRecord(
                time: WallTime(milliseconds: number), source: "a test", user: "ada", address: "192.0.2.1",
                lines: ["settings.json: \(number)"])
        }
        for number in 1...4 { try await history.keep(record(UInt64(number))) }
        #expect(try history.records().map(\.record) == (2...4).map { record($0) })
        await member.store.close()
        member = try GlobalFixture(member.directory)
        let later = try LocalHistory(in: member.store, countMax: 3)
        try await later.keep(record(5))
        #expect(try later.records().map(\.record) == (3...5).map { record($0) })
        await member.store.close()
    }

    @Test("Pages of a member's own changes follow each other, the newest first, and know where they end")
    func filePages() async throws {
        let member = try GlobalFixture()
        let history = try LocalHistory(in: member.store)
        for number in 1...5 {
            let file = number == 3 ? "debug.json" : "settings.json"
            try await history.keep(
                LocalRecord(
                    time: WallTime(milliseconds: UInt64(number)), source: nil, user: nil, address: "192.0.2.\(number)",
                    lines: ["\(file): \(number)"]))
        }
        let document = HistoryDocument(store: member.store, trail: member.trail, history: history) { _ in nil }
        func pages(of file: String?, _ countMax: Int) throws -> [[String]] {
            var pages: [[String]] = []
            var before: String?
            repeat {
                let page = try document.fileChanges(of: file, before: before, countMax: countMax)
                pages.append(page.changes.compactMap { $0.text("address") })
                before = page.next
            } while before != nil && pages.count < 9
            return pages
        }
        #expect(try pages(of: nil, 2) == [["192.0.2.5", "192.0.2.4"], ["192.0.2.3", "192.0.2.2"], ["192.0.2.1"]])
        #expect(try pages(of: nil, 5).map(\.count) == [5])
        #expect(
            try pages(of: "settings.json", 2) == [["192.0.2.5", "192.0.2.4"], ["192.0.2.2", "192.0.2.1"]])
        #expect(try pages(of: "www.json", 2) == [[]])
        await member.store.close()
    }

    @Test("Pages of one value have its versions, the newest first, and the lines that changed")
    func valuePages() async throws {
        let member = try GlobalFixture()
        let document = HistoryDocument(
            store: member.store, trail: member.trail, history: try LocalHistory(in: member.store)
        ) { _ in "b" }
        for number in 1...3 { try await member.change(GlobalProposal(script, "() => \(number)")) }
        let foreign = try await member.receive(script.key, "() => 4", millisecondsAhead: 5)
        let first = try await document.changes(of: script, before: nil, countMax: 2)
        #expect(first.changes.map { $0.text("effect") } == ["unknown", "changed"])
        #expect(first.changes[0].text("serverId") == "b" && first.changes[0].text("version") == foreign.text)
        #expect(first.changes[1]["difference"] == ["-() => 2", "+() => 3"])
        let before = try #require(first.next.flatMap { Version(text: $0) })
        let second = try await document.changes(of: script, before: before, countMax: 2)
        #expect(second.changes.map { $0.text("effect") } == ["changed", "added"] && second.next == nil)
        #expect(second.changes[1]["difference"] == ["+() => 1"])
        await member.store.close()
    }
}
