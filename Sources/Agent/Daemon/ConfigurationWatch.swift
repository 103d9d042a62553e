// Notices that configuration files were edited, and has them taken up.
import Logging
import MemberConfiguration
import OperatingSystem

/// Reads the configuration again when its files changed, and keeps the old one where the new one has mistakes.
actor ConfigurationReloader {
    private let configurations: ConfigurationStore
    private let logger: Logger
    private var lastErrors: [String] = []

    init(_ configurations: ConfigurationStore, logger: Logger) {
        self.configurations = configurations
        self.logger = logger
    }

    /// Watches until cancelled.
    func run() async throws {
        let watch = try DirectoryWatch("the configuration")
        _ = try watch.add(configurations.directory.path, [.written, .movedIn, .movedOut, .deleted])
        // What was written since the start, by a command that found no agent to ask.
        await reload()
        while try await !watch.next().isEmpty { await reload() }
    }

    /// Reads everything now. Mistakes go to the log, the same ones once.
    func reload() async {
        do {
            try await configurations.reload()
            lastErrors = []
        } catch {
            let lines = (error as? ConfigurationErrors)?.lines ?? ["\(error)"]
            if lines != lastErrors {
                for line in lines { logger.error("configuration refused, the old one stays: \(line)") }
            }
            lastErrors = lines
        }
    }
}

extension AppliedConfiguration {
    /// A line for each difference.
    func log(to logger: Logger) {
        guard !change.isEmpty else { return }
        for warning in warnings { logger.warning("\(warning)") }
        let author = source.map { " (\($0))" } ?? ""
        for line in change.lines { logger.notice("configuration changed: \(line)\(author)") }
    }
}
