// The rules of the disk: what a sync makes certain, what it does not, and what becomes of names.
import CrashPoints
import Testing

@Suite("The model of a disk")
struct DiskModelTests {
    /// All contents of the data file that the model allows after a log.
    private func contents(_ log: LogWriter) throws -> Set<[UInt8]> {
        let window = try log.window()
        return Set(allImages(window, randomCount: 2_000).map { window.bytes(of: $0) })
    }

    @Test("A sync makes all writes before it certain, and none after it")
    func sync() throws {
        var log = LogWriter()
        log.write(sector(1, count: 2), at: 0)
        log.sync()
        #expect(try contents(log) == [sector(1, count: 2)])
        log.write(sector(2), at: 512)
        #expect(try contents(log) == [sector(1, count: 2), sector(1) + sector(2)])
    }

    @Test("An O_DSYNC write is certain once it has returned, without the writes before it")
    func durableWrite() throws {
        var log = LogWriter()
        log.write(sector(1, count: 3), at: 0)
        log.sync()
        log.write(sector(2), at: 1_024)
        log.write([9, 9], at: 100, .durable)
        let with = Array(sector(1)[..<100] + [9, 9] + sector(1)[102...])
        // While it runs it is like any write.
        let before = [sector(1, count: 3), sector(1, count: 2) + sector(2)]
        let after = [with + sector(1, count: 2), with + sector(1) + sector(2)]
        #expect(try contents(log) == Set(before + after))
        log.note(.failed, 1)
        #expect(try contents(log) == Set(after))
    }

    @Test("An O_DSYNC write makes certain the size that it needs, and what was written to its sectors before")
    func durableGrowth() throws {
        var log = LogWriter()
        log.write(sector(1, count: 4), at: 0)
        log.write([8], at: 600, .durable)
        log.note(.failed, 1)
        let found = try contents(log)
        #expect(found.allSatisfy { $0.count >= 1_024 && $0[600] == 8 && $0[601] == 1 })
        #expect(found.contains { $0.count == 1_024 } && found.contains { $0.count == 2_048 })
        #expect(found.contains { $0[0] == 0 } && found.contains { $0[0] == 1 })
    }

    @Test("What a failed sync gave up stays uncertain through later syncs, until it is written again")
    func failedSync() throws {
        var log = LogWriter()
        log.write(sector(1, count: 2), at: 0)
        log.sync()
        log.note(.attempt, 1, MapState())
        log.write(sector(2, count: 2), at: 0)
        log.note(.failed, 1)
        log.write(sector(3), at: 512)
        log.sync()
        #expect(try contents(log) == [sector(1) + sector(3), sector(2) + sector(3)])
        log.write(sector(4), at: 0)
        log.sync()
        #expect(try contents(log) == [sector(4) + sector(3)])
    }

    @Test("A write that reports an error too late may be there or not, until it is written again")
    func failedWrite() throws {
        var log = LogWriter()
        log.write(sector(1), at: 0)
        log.sync()
        log.write(sector(2), at: 0, .failed)
        log.sync()
        #expect(try contents(log) == [sector(1), sector(2)])
        log.write(sector(1), at: 0)
        log.sync()
        #expect(try contents(log) == [sector(1)])
    }

    // MARK: Names

    private func presences(_ log: LogWriter) throws -> Set<Presence> {
        Set(try log.model().presences(of: "data.mdb", in: "store").map(\.presence))
    }

    @Test("A rename happens whole or not at all, and for certain only once its directory was synced")
    func rename() throws {
        var log = LogWriter()
        log.add(.open(path: "store/new", flags: 0o101), fileID: 5)
        log.add(.rename(from: "store/new", to: "store/data.mdb"))
        #expect(try presences(log) == [.file(1), .file(2)])
        log.add(.syncDirectory(path: "."))
        #expect(try presences(log) == [.file(1), .file(2)])
        log.add(.syncDirectory(path: "store"))
        #expect(try presences(log) == [.file(2)])
        // The name's new file is the one that its descriptors mean from now on.
        log.add(.open(path: "store/data.mdb", flags: 0), fileID: 1)
        log.write(sector(1), at: 0)
        #expect(try log.model().window(of: 2).changeCount == 1)
        #expect(try log.model().window(of: 1).changeCount == 0)
    }

    @Test("Changes of names happen in order: a link, then the removal of the old name")
    func order() throws {
        var log = LogWriter()
        log.add(.unlink(path: "store/data.mdb"))
        #expect(try presences(log) == [.file(1), .noFile(beside: [])])
        log.add(.open(path: "store/temporary", flags: 0o101), fileID: 5)
        log.add(.link(from: "store/temporary", to: "store/data.mdb"))
        log.add(.unlink(path: "store/temporary"))
        #expect(try presences(log) == [.file(1), .noFile(beside: []), .noFile(beside: ["temporary"]), .file(2)])
        log.add(.syncDirectory(path: "store"))
        #expect(try presences(log) == [.file(2)])
    }

    @Test("A file is there only with its directory, whose name is its parent's")
    func parents() throws {
        let operations = [
            RecordedOperation(fileID: 0, action: .makeDirectory(path: "store")),
            RecordedOperation(fileID: 1, action: .open(path: "store/data.mdb", flags: 0o102)),
            RecordedOperation(fileID: 0, action: .syncDirectory(path: "store")),
            RecordedOperation(fileID: 0, action: .syncDirectory(path: ".")),
        ]
        let timeline = try Timeline(Recording(operations: operations))
        var model = DiskModel(timeline)
        var found: [Set<Presence>] = []
        for step in timeline.steps {
            model.apply(step)
            found.append(Set(model.presences(of: "data.mdb", in: "store").map(\.presence)))
        }
        #expect(found[0] == [.noDirectory, .noFile(beside: [])])
        #expect(found[1] == [.noDirectory, .noFile(beside: []), .file(0)])
        #expect(found[2] == [.noDirectory, .file(0)])
        #expect(found[3] == [.file(0)])
    }

    @Test("What the model has no rule for is refused")
    func notModelled() {
        var moved = LogWriter()
        moved.add(.rename(from: "store/data.mdb", to: "data.mdb"))
        var unknown = LogWriter()
        unknown.add(.sync, fileID: 99)
        var outside = LogWriter()
        outside.add(.rename(from: "store/data.mdb", to: "/elsewhere"))
        for log in [moved, unknown, outside] { #expect(throws: CrashPointError.self) { try log.model() } }
    }
}
