// Creating a store, and writes of every kind and size.
import Replica

enum BasicWorkloads {
    /// The first creation of a store and the first writes to it; then it is opened again.
    static func creation(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        try await player.write([stage.put("config/first", 20)])
        try await player.putLocal([1], [2, 3])
        try await player.write([stage.put("data/second", 5_000), stage.put("config/third", 0)])
        try await player.close()
        try player.open()
        try await player.write([stage.delete("config/first")])
        try await player.close()
    }

    /// Values from none to several pages; overwritten, deleted, in batches and on conditions.
    static func commits(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        // Up to what fits in a leaf, the first that does not, and several pages.
        for (number, size) in [0, 1, 100, 700, 1_900, 1_990, 2_100, 4_000, 4_096, 9_000, 20_000].enumerated() {
            try await player.write([stage.put("data/\(number)", size)])
        }
        try await player.putLocal(Array("peer".utf8), stage.generator.bytes(300))
        for number in 0..<11 { try await player.write([stage.put("data/\(number)", stage.generator.below(6_000))]) }
        for round in 0..<6 {
            let batch = try (0..<(2 + 4 * round)).map { try stage.put("config/\(round)/\($0)", 40 * $0) }
            try await player.write(batch)
            try await player.write([stage.delete("data/\(round)"), stage.put("data/\(round + 20)", 50)])
            try await player.putLocal([UInt8(round)], stage.generator.bytes(round * 1_000))
        }
        for round in 0..<6 {
            let key = try Key("config/5/\(round)")
            let version = player.oracle.liveVersion(key, at: player.now)
            try await player.write([stage.put("config/5/\(round)", 60)], expecting: [key: version])
            // This one finds another version than it expects, and changes nothing.
            try await player.write([stage.delete("config/5/\(round)")], expecting: [key: version])
            try await player.deleteLocal([UInt8(round)])
        }
        try await player.write((0..<20).map { try stage.delete("config/5/\($0)") })
        try await player.write([stage.put("data/large", 70_000)])
        try await player.write([stage.put("data/large", 30_000)])
        try await player.write([stage.delete("data/large")])
        try await player.close()
    }

    /// Some hundred random writes.
    static func long(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        for _ in 0..<400 {
            switch stage.generator.below(20) {
            case 0: try await player.putLocal([UInt8(stage.generator.below(8))], stage.generator.bytes(200))
            case 1: try await player.deleteLocal([UInt8(stage.generator.below(8))])
            case 2...4: try await player.write([stage.delete(stage.someKey())])
            case 5, 6:
                let count = 2 + stage.generator.below(6)
                try await player.write((0..<count).map { _ in try stage.put(stage.someKey(), stage.someSize()) })
            default: try await player.write([stage.put(stage.someKey(), stage.someSize())])
            }
        }
        try await player.close()
    }
}

extension Stage {
    func put(_ name: String, _ byteCount: Int, lease: UInt64? = nil) throws -> LocalWrite {
        LocalWrite(key: try Key(name), change: .put(generator.bytes(byteCount), leaseMilliseconds: lease))
    }

    func delete(_ name: String) throws -> LocalWrite { LocalWrite(key: try Key(name), change: .delete) }

    /// One of a few keys, some of them long.
    fileprivate func someKey() -> String {
        let number = generator.below(60)
        let tail = number.isMultiple(of: 7) ? String(repeating: "k", count: 60 * (number % 8)) : ""
        return "data/\(number)\(tail)"
    }

    /// Mostly small, now and then of several pages.
    fileprivate func someSize() -> Int { generator.below(10) == 0 ? generator.below(12_000) : generator.below(900) }
}
