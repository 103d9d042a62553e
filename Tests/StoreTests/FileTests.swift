// Files: locks, modes, formats, backups, a full map, other programs reading them.
import CLMDB
import Foundation
import Replica
import Store
import Testing

@Suite struct FileTests {
    @Test("A second open is refused with the process id of the first, and works after it closed")
    func lock() async throws {
        let place = try Workplace()
        let store = try place.open()
        #expect(throws: StoreError.inUse(pid: getpid(), directory: place.store)) { try place.open() }
        await store.close()
        await #expect(throws: StoreError.closed) { try await store.write([try put("config/a", "1")]) }
        #expect(throws: StoreError.closed) { try store.value("config/a") }
        await store.close()
        let again = try place.open()
        await again.close()
    }

    @Test("Files are for their owner alone")
    func modes() async throws {
        let place = try Workplace()
        let store = try place.open()
        #expect(try place.mode(of: place.store) == 0o700)
        for name in ["data.mdb", "lock.mdb", "lock"] {
            #expect(try place.mode(of: place.store + "/" + name) == 0o600)
        }
        await store.close()
    }

    @Test("A newer format is refused with both versions, and left as it is")
    func newerFormat() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write([try put("config/a", "1")])
        await store.close()
        try setFormat(place.store, 2)
        let refusal = StoreError.newerFormat(found: 2, supported: 1, path: place.data)
        #expect(throws: refusal) { try place.open() }
        #expect(refusal.description.contains("format 2") && refusal.description.contains("format 1"))
        #expect(throws: StoreError.newerFormat(found: 2, supported: 1, path: place.store)) { try place.check() }
        try setFormat(place.store, 1)
        let again = try place.open()
        #expect(try again.value("config/a") == "1")
        await again.close()
    }

    private func setFormat(_ directory: String, _ format: UInt8) throws {
        var environment: OpaquePointer?
        var transaction: OpaquePointer?
        var table: MDB_dbi = 0
        #expect(unsafe mdb_env_create(&environment) == 0)
        #expect(unsafe mdb_env_set_maxdbs(environment, 8) == 0)
        #expect(unsafe mdb_env_open(environment, directory, 0, 0o600) == 0)
        #expect(unsafe mdb_txn_begin(environment, nil, 0, &transaction) == 0)
        #expect(unsafe mdb_dbi_open(transaction, "meta", 0, &table) == 0)
        var name = Array("format".utf8)
        var bytes: [UInt8] = [0, 0, 0, format]
        unsafe name.withUnsafeMutableBytes { name in
            unsafe bytes.withUnsafeMutableBytes { bytes in
                var key = unsafe MDB_val(mv_size: name.count, mv_data: name.baseAddress)
                var value = unsafe MDB_val(mv_size: bytes.count, mv_data: bytes.baseAddress)
                #expect(unsafe mdb_put(transaction, table, &key, &value, 0) == 0)
            }
        }
        #expect(unsafe mdb_txn_commit(transaction) == 0)
        unsafe mdb_env_close(environment)
    }

    @Test("A file that is none of ours is refused, not changed")
    func foreignFile() async throws {
        let place = try Workplace()
        #expect(throws: StoreError.self) { try place.check() }
        try FileManager.default.createDirectory(atPath: place.store, withIntermediateDirectories: true)
        let text = Data(String(repeating: "not a store\n", count: 2_000).utf8)
        try text.write(to: URL(fileURLWithPath: place.data))
        #expect(throws: StoreError.self) { try place.open() }
        #expect(try Data(contentsOf: URL(fileURLWithPath: place.data)) == text)
    }

    @Test("A backup made under load restores to one committed state")
    func backup() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write(try (0..<3_000).map { try put("config/\($0)", "value \($0)") })
        try await store.putLocal([1], [2])
        let load = Task {
            for number in 0..<50 {
                _ = try await store.write([try put("data/\(number)", "x"), try put("data/y", "z")])
            }
        }
        let path = place.path + "/backup"
        try await store.backup(to: path) { #expect($0 > 0) }
        try await load.value
        #expect(try place.mode(of: path) == 0o600)
        await #expect(throws: StoreError.targetExists(path: path)) { try await store.backup(to: path) { _ in } }
        #expect(throws: StoreError.self) { try place.restore(from: path, to: place.store) }
        await store.close()

        let target = place.path + "/restored"
        try place.restore(from: path, to: target)
        let restored = try Store.open(directory: target, origin: Origin(raw: 2)) { [clock = place.clock] in clock.now }
        #expect(try restored.value("config/2999") == "value 2999")
        #expect(try restored.getLocal([1]) == [2])
        let written = restored.summary.count - 3_000
        let last = try restored.value("data/\(written - 2)")
        #expect(written == 0 || last == "x")
        try await restored.expectSummaryOfContents()
        await restored.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
        #expect(names.allSatisfy { !$0.hasSuffix(".tmp") })
    }

    @Test("A damaged or cut backup is refused, and the store stays")
    func damagedBackup() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write(try (0..<500).map { try put("config/\($0)", "a value to be found \($0)") })
        let path = place.path + "/backup"
        try await store.backup(to: path) { _ in }
        await store.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var flipped = whole
        let range = try #require(flipped.range(of: Data("a value to be found 77".utf8)))
        flipped[range.lowerBound] ^= 0x10
        for bad in [flipped, Data(whole.prefix(whole.count - 4_096)), Data(whole.prefix(5_000)), Data()] {
            try bad.write(to: URL(fileURLWithPath: path))
            #expect(throws: StoreError.self) { try place.restore(from: path, to: place.store) }
        }
        let again = try place.open()
        #expect(again.summary.count == 500)
        await again.close()
    }

    @Test("A full map is an error to that writer; reads and deletes go on, and so do later writes")
    func mapFull() async throws {
        let place = try Workplace()
        var options = StoreOptions()
        options.mapByteCount = 1 << 20
        let store = try place.open(options)
        _ = try await store.write([try put("config/kept", "1")])
        let big = try ["config/big", "config/bigger"].map { name in
            let value = [UInt8](repeating: 1, count: 600_000)
            return LocalWrite(key: try key(name), change: .put(value, leaseMilliseconds: nil))
        }
        // The one that is too big does not fail those it shares a transaction with.
        let refused = Task { try await store.write([try put("config/half", "1")] + big) }
        let taken = Task { try await store.write([try put("config/small", "2")]) }
        _ = try await taken.value
        await #expect(throws: StoreError.self) { try await refused.value }
        #expect(try store.value("config/kept") == "1")
        #expect(try store.value("config/half") == nil)
        #expect(try store.value("config/small") == "2")
        var count = 0
        await #expect(throws: StoreError.mapFull(operation: "put a record")) {
            while true {
                let value = [UInt8](repeating: 2, count: 20_000)
                let name = try key("config/fill-\(count)")
                _ = try await store.write([LocalWrite(key: name, change: .put(value, leaseMilliseconds: nil))])
                count += 1
            }
        }
        #expect(count > 10)
        _ = try await store.write([try delete("config/fill-0"), try delete("config/fill-1")])
        _ = try await store.write([try put("config/again", "3")])
        #expect(try store.value("config/again") == "3")
        try await store.expectSummaryOfContents()
        await store.close()
    }

    @Test("mdb_dump reads the file", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/mdb_dump")))
    func dump() async throws {
        let place = try Workplace()
        let store = try place.open()
        _ = try await store.write(try (0..<100).map { try put("config/\($0)", "\($0)") })
        await store.close()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/mdb_dump")
        process.arguments = ["-p", "-s", "entries", place.store]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text.split(separator: "\n").count { $0.hasPrefix(" config/") } == 100)
    }
}
