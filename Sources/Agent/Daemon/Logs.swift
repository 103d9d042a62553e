// The log: one stream on standard error, and debug topics that are switched while the agent runs.
import Logging
import MemberConfiguration
import Synchronization

/// The debug topics that are on now.
final class DebugTopics: Sendable {
    private let topics = Mutex<Set<DebugTopic>>([])

    func set(_ new: Set<DebugTopic>) { topics.withLock { $0 = new } }
    func isOn(_ topic: DebugTopic) -> Bool { topics.withLock { $0.contains(topic) } }
}

/// Makes loggers.
struct Logs: Sendable {
    let topics = DebugTopics()

    /// The agent's own messages.
    var agent: Logger { logger("agent", topic: nil) }

    /// One line for each request.
    var access: Logger { logger("access", topic: nil) }

    /// Messages of a debug topic: from `info` on always, `debug` only while the topic is on.
    subscript(topic: DebugTopic) -> Logger { logger(topic.slug, topic: topic) }

    private func logger(_ label: String, topic: DebugTopic?) -> Logger {
        Logger(label: label) { label in
            TopicHandler(
                base: StreamLogHandler.standardError(label: label), topic: topic, topics: topics)
        }
    }
}

/// A handler whose level follows the debug topics.
private struct TopicHandler: LogHandler {
    var base: StreamLogHandler
    let topic: DebugTopic?
    let topics: DebugTopics

    init(base: StreamLogHandler, topic: DebugTopic?, topics: DebugTopics) {
        self.base = base
        self.base.logLevel = .trace
        self.topic = topic
        self.topics = topics
    }

    var logLevel: Logger.Level {
        get { topic.map(topics.isOn) == true ? .debug : .info }
        set {}
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    /// The rooms of the daemon, which lines do not tell apart: they look the same however its sources are cut.
    private static let rooms: Set<String> = ["API", "Accounts", "Cluster", "ControlSocket", "Displays"]

    func log(event: LogEvent) {
        var event = event
        if Self.rooms.contains(event.source) { event.source = "Agent" }
        base.log(event: event)
    }
}
