// Notices that configuration files were edited, and has them taken up.
import Glibc
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
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.followFiles() }
            group.addTask { try await self.followMetrics() }
            try await group.waitForAll()
        }
    }

    private func followFiles() async throws {
        let watch = try DirectoryWatch("the configuration")
        _ = try watch.add(configurations.directory.path, [.written, .movedIn, .movedOut, .deleted])
        // What was written since the start, by a command that found no agent to ask.
        await reload()
        while try await !watch.next().isEmpty { await reload() }
    }

    /// The metrics of this host, whose directory may come later, and go.
    private func followMetrics() async throws {
        let directory = configurations.directory
        // Not the watch above: a file of the configuration that was just created is not written yet.
        let watch = try DirectoryWatch("this host's metrics")
        let parent = try watch.add(directory.path, [.created, .movedIn, .movedOut])
        addMetrics(to: watch)
        await reload()
        while true {
            let events = try await watch.next()
            if events.isEmpty { return }
            let isAbout = events.contains { event in
                guard case .changed(parent, let name) = event else { return true }
                return name == LocalMetrics.directoryName
            }
            guard isAbout else { continue }
            addMetrics(to: watch)
            await reload()
        }
    }

    private func addMetrics(to watch: DirectoryWatch) {
        let path = configurations.directory.metricsPath
        do throws(SystemError) {
            _ = try watch.add(path, [.written, .movedIn, .movedOut, .deleted])
        } catch {
            if case .call(_, _, ENOENT) = error { return }
            logger.warning("changes of the files in \(path) are not noticed: \(error)")
        }
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
