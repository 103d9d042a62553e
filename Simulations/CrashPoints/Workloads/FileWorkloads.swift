// Whole files: backups and their way back, where it is names that must change in the right order.
import Glibc

enum FileWorkloads {
    /// A backup of a store at rest, and one while writes go on.
    static func backup(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try stage.makeDirectory("copy")
        try stage.makeDirectory("busy")
        try player.open()
        for number in 0..<12 { try await player.write([stage.put("data/\(number)", 500 * number)]) }
        try await player.putLocal([1], [2])
        try await player.backup(to: "copy")
        try await player.write([stage.put("data/after", 100)])
        let writes = try (0..<12).map { try [stage.put("config/\($0)", 1_000), stage.delete("data/3")] }
        try await player.backup(to: "busy", during: writes)
        try await player.write([stage.put("data/after", 6_000)])
        try await player.close()
    }

    /// A store that is replaced by backups of itself, once with a failed sync; and one made by a backup.
    static func restore(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try stage.makeDirectory("copy")
        try stage.makeDirectory("later")
        try player.open()
        for number in 0..<10 { try await player.write([stage.put("data/\(number)", 400 * number)]) }
        try await player.putLocal([1], [2])
        try await player.backup(to: "copy")
        let first = player.oracle
        for number in 5..<15 { try await player.write([stage.put("data/\(number)", 900), stage.delete("data/1")]) }
        try await player.backup(to: "later")
        let second = player.oracle
        try await player.write([stage.put("config/only", 50)])
        try await player.close()

        try player.restoreWithFailedSync(from: "copy", first, number: 1, error: EIO)
        try player.open()
        try await player.write([stage.put("config/still", 50)])
        try await player.close()
        try player.restore(from: "copy", first)
        try player.open()
        try await player.write([stage.put("config/new", 50), stage.delete("data/2")])
        try await player.close()
        try player.restore(from: "later", second)
        try player.restore(from: "copy", first)
        try player.open()
        try await player.write([stage.put("config/end", 3_000)])
        try await player.close()

        let other = StorePlayer(stage, subject: "second")
        try other.restore(from: "later", second)
        try other.open()
        try await other.write([stage.put("config/second", 3_000)])
        try await other.close()
    }
}
