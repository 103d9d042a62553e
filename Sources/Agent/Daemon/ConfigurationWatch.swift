// Notices changes of the configuration files and takes them up.
import Directory
import Logging
import OperatingSystem

/// Reads the configuration again when it changed, and keeps the old one where the new one has mistakes.
actor ConfigurationReloader {
    private let member: RunningMember
    private let publisher: LeasePublisher
    private var lastErrors: [String] = []

    init(member: RunningMember, publisher: LeasePublisher) {
        self.member = member
        self.publisher = publisher
    }

    /// Watches until cancelled.
    func run() async throws {
        let watch = try DirectoryWatch("the configuration")
        _ = try watch.add(member.directory.configuration.path, [.written, .movedIn, .movedOut, .deleted])
        while try await !watch.next().isEmpty { await reload() }
    }

    /// Reads everything now. Returns what changed, or the mistakes found.
    @discardableResult
    func reload() async -> Result<[String], AgentError> {
        do {
            let (configuration, warnings) = try member.directory.configuration.load()
            let missing = member.directory.configuration.checkReferencedFiles(configuration)
            guard missing.isEmpty else { throw AgentError.configuration(missing.map(\.description)) }
            let lines = try await member.apply(configuration)
            lastErrors = []
            for warning in warnings where !lines.isEmpty { member.logger.warning("\(warning)") }
            for line in lines { member.logger.notice("configuration changed: \(line)") }
            if !lines.isEmpty { publisher.changed() }
            return .success(lines)
        } catch {
            let lines = (error as? ConfigurationErrors)?.lines ?? ["\(error)"]
            if lines != lastErrors {
                for line in lines { member.logger.error("configuration refused, the old one stays: \(line)") }
            }
            lastErrors = lines
            return .failure(.configuration(lines))
        }
    }
}
