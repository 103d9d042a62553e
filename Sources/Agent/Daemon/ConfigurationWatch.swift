// Notices changes of the configuration files and takes them up.
@unsafe @preconcurrency import Dispatch
import Glibc
import Logging

/// Tells of every change in a directory, by the kernel's inotify.
enum DirectoryWatch {
    /// Yields once for any number of changes that came together, until the consumer is cancelled.
    static func changes(in path: String) throws(HostError) -> AsyncStream<Void> {
        let descriptor = inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC))
        guard descriptor >= 0 else { throw .unreadable(path: path, code: errno) }
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
        guard unsafe inotify_add_watch(descriptor, path, events) >= 0 else {
            let code = errno
            close(descriptor)
            throw .unreadable(path: path, code: code)
        }
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let source = DispatchSource.makeReadSource(fileDescriptor: descriptor)
            source.setEventHandler {
                var buffer = [UInt8](repeating: 0, count: 4_096)
                while unsafe read(descriptor, &buffer, buffer.count) > 0 {}
                continuation.yield()
            }
            source.setCancelHandler { close(descriptor) }
            continuation.onTermination = { _ in source.cancel() }
            source.resume()
        }
    }
}

/// Reads the configuration again when it changed, and keeps the old one where the new one has mistakes.
actor ConfigurationReloader {
    private let member: RunningMember
    private let publisher: ServerUpdatePublisher
    private var lastErrors: [String] = []

    init(member: RunningMember, publisher: ServerUpdatePublisher) {
        self.member = member
        self.publisher = publisher
    }

    /// Watches until cancelled.
    func run() async throws {
        for await _ in try DirectoryWatch.changes(in: member.directory.configuration.path) { await reload() }
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
