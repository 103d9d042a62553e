// Calls that fail while writes go on: the environment is opened again, and what was acknowledged stays.
import Glibc

enum FailureWorkloads {
    /// Failed syncs, and failures of every call of a write: with an error, for want of space, half-way, and with an
    /// error that comes too late.
    static func reopening(_ stage: Stage) async throws {
        let player = StorePlayer(stage)
        try player.open()
        for number in 0..<12 { try await player.write([stage.put("data/\(number)", 300 * number)]) }
        for round in 0..<6 {
            try await player.writeWithFailedSync([stage.put("data/\(round)", 2_500)], error: EIO)
            if round.isMultiple(of: 3) {
                // Again at once, before anything else was written.
                try await player.writeWithFailedSync([stage.put("config/\(round)", 900)], error: EIO)
            }
            try await player.write([stage.put("data/\(round)", 700), stage.delete("data/\(round + 1)")])
            try await player.putLocal([UInt8(round)], [1])
        }
        for error in [EIO, ENOSPC, 0, EIO | ShimControl.carriedOut] {
            for round in 0..<3 {
                try await player.writeWithEachCallFailed(
                    [stage.put("data/\(round)", 1_500), stage.put("config/\(error)", 4_500)], error: error)
                try await player.write([stage.put("data/\(round + 6)", 200)])
            }
        }
        try await player.close()
        try player.open()
        try await player.write([stage.put("data/last", 100)])
        try await player.close()
    }
}
