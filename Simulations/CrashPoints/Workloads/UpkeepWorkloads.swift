// What the store does with leases and with what comes from other members.
import Replica
import Store

enum UpkeepWorkloads {
    /// Leases that are renewed, deleted and purged, all at once and one in each transaction; entries stamped anew.
    static func expiry(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        try await writeLeases(player)
        for seconds in [20, 120, 120, 230, 250] {
            stage.clock.advance(byMilliseconds: UInt64(seconds) * 1_000)
            try await player.expire()
            try await player.write([stage.put("session/a/2", 80, lease: 90_000), stage.delete("login/b/1")])
        }
        try await player.close()

        // Each transaction purges one lease, so that a purge can be cut off between any two.
        var options = StoreOptions()
        options.transactionByteCountMax = 1
        try player.open(options)
        try await writeLeases(player)
        stage.clock.advance(byMilliseconds: 500_000)
        let now = player.now
        for key in player.oracle.due(at: now) { _ = try player.begin { $0.purge(key) } }
        let (store, _) = try player.begin { _ in }
        _ = try await store.expire()
        try player.endAll()

        // Stamps from a clock that was wrong.
        stage.clock.advance(byMilliseconds: 3_600_000)
        try await writeLeases(player)
        try await player.write([stage.put("config/ahead", 300), stage.put("data/ahead", 3_000)])
        try await player.close()
        stage.clock.goBack(byMilliseconds: 3_600_000)
        try player.open()
        try await player.restampAhead()
        try await player.close()
    }

    private static func writeLeases(_ player: StorePlayer) async throws {
        let stage = player.stage
        for number in 0..<4 {
            let lease = UInt64(10_000 + 20_000 * number)
            try await player.write([
                stage.put("server/host-\(number)", 400, lease: lease), stage.put("login/b/\(number)", 60, lease: lease),
                stage.put("session/a/\(number)", 90, lease: lease * 2),
                stage.put("reservation/a/\(number)", 2_500, lease: lease), stage.put("config/\(number)", 100),
            ])
        }
    }

    /// The stream of a first synchronisation: large batches in key order into an empty store, several under way; then
    /// batches out of order, with entries that win, lose and are refused.
    static func bootstrap(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        let entries = try (0..<360).map { number in
            let digits = String(number)
            let name = "data/" + String(repeating: "0", count: 4 - digits.count) + digits
            let size = number.isMultiple(of: 40) ? 5_000 : stage.generator.below(400)
            return try stage.received(name, size, age: UInt64(stage.generator.below(100_000)))
        }
        try await mergeUnderWay(entries, batchLength: 40, player)
        for round in 0..<10 {
            var batch: [Entry] = []
            for _ in 0..<24 {
                let name = "data/\(stage.generator.below(9_000) + 1_000)"
                batch.append(try stage.received(name, stage.generator.below(600), age: 50))
                let known = entries[stage.generator.below(entries.count)].key
                // Younger or older than what is there.
                batch.append(stage.received(known, 100, age: UInt64(stage.generator.below(120_000))))
            }
            batch.append(try stage.received("config/ahead-\(round)", 10, age: 0, ahead: 100_000))
            try await player.merge(batch.shuffled(using: &stage.generator))
        }
        try await player.close()
    }

    /// Merges batches in order without waiting for one before the next is handed over.
    private static func mergeUnderWay(_ entries: [Entry], batchLength: Int, _ player: StorePlayer) async throws {
        let now = player.now
        let journal = player.stage.journal
        let subject = player.subject
        for start in stride(from: 0, to: entries.count, by: 3 * batchLength) {
            let batches = stride(from: start, to: min(start + 3 * batchLength, entries.count), by: batchLength).map {
                Array(entries[$0..<min($0 + batchLength, entries.count)])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for batch in batches {
                    let (store, number) = try player.begin { $0.merge(batch, at: now) }
                    let (answers, answer) = AsyncStream<Result<Void, any Error>>.makeStream()
                    store.merge(EntryBatch(batch), scope: .everything, source: 1) { outcome in
                        answer.yield(
                            Result {
                                _ = try outcome.get()
                                try journal.write(Note(.done, subject: subject, number: number))
                            })
                        answer.finish()
                    }
                    group.addTask { for await result in answers { try result.get() } }
                }
                try await group.waitForAll()
            }
            try player.endAll()
        }
    }
}

extension Stage {
    /// An entry of another member's, stamped some milliseconds ago, or ahead.
    fileprivate func received(_ name: String, _ byteCount: Int, age: UInt64, ahead: UInt64 = 0) throws -> Entry {
        received(try Key(name), byteCount, age: age, ahead: ahead)
    }

    fileprivate func received(_ key: Key, _ byteCount: Int, age: UInt64, ahead: UInt64 = 0) -> Entry {
        let time = WallTime(milliseconds: clock.now.milliseconds - age + ahead)
        let version = Version(clock: Clock(time), origin: Origin(raw: 77))
        return Entry(key: key, version: version, value: generator.bytes(byteCount))
    }
}
