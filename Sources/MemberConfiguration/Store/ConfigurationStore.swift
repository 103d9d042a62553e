// The one writer of the configuration files, and the one source of what is configured.
import JSON
import Synchronization

/// A part of the member that does as it is configured.
package struct ConfigurationFollower: Sendable {
    /// For the message about one that cannot go back.
    let name: String
    /// Takes another configuration up, or throws and is as it was before.
    let take: @Sendable (_ old: Configuration, _ new: Configuration) async throws -> Void

    /// `take` is asked once for each change, and once more, the other way round, where a later part refuses.
    package init(
        _ name: String, take: @escaping @Sendable (_ old: Configuration, _ new: Configuration) async throws -> Void
    ) {
        self.name = name
        self.take = take
    }
}

/// Holds the configuration as it is now, and changes it: one change at a time, wholly or not at all.
///
/// The parts take a change up before the file is written. So a crash in between leaves the file of before, and never one
/// that the agent was not able to take; a part that refuses leaves the file untouched.
package actor ConfigurationStore {
    /// Where the files are.
    package nonisolated let directory: ConfigurationDirectory
    private nonisolated let held: Mutex<Configuration>
    private var followers: [ConfigurationFollower] = []
    private var observers: [@Sendable (AppliedConfiguration) -> Void] = []
    /// The change under way, for which the next one waits.
    private var last: Task<Void, Never>?

    /// The configuration that everybody goes by now.
    package nonisolated var current: Configuration { held.withLock { $0 } }

    /// - Parameter current: What was loaded already; nothing is read here.
    package init(_ directory: ConfigurationDirectory, current: Configuration) {
        self.directory = directory
        held = Mutex(current)
    }

    /// Lets parts follow every change, in this order: those that may refuse it first.
    package func follow(_ parts: [ConfigurationFollower]) { followers += parts }

    /// Calls the closure after each change, in the order of the changes.
    package func observe(_ body: @escaping @Sendable (AppliedConfiguration) -> Void) { observers.append(body) }

    /// Changes one file.
    @discardableResult
    package func change(_ proposal: ConfigurationProposal) async throws -> AppliedConfiguration {
        try await inTurn {
            let lock = try await ConfigurationLock.take(self.directory)
            defer { withExtendedLifetime(lock) {} }
            return try await self.make(proposal, in: proposal.file)
        }
    }

    /// Takes up what was written by hand, and the files that the configuration names.
    @discardableResult
    package func reload() async throws -> AppliedConfiguration {
        try await inTurn {
            let (configuration, warnings) = try self.directory.load()
            if let missing = ConfigurationErrors(self.directory.checkReferencedFiles(configuration)) { throw missing }
            return try await self.apply(configuration, warnings, by: nil) {}
        }
    }

    /// Begins when everything that was asked before has ended, and goes on when whoever asked is gone.
    private func inTurn<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result
    {
        let before = last
        let task = Task {
            await before?.value
            return try await body()
        }
        last = Task { _ = await task.result }
        return try await task.value
    }

    private func make<File: ConfigurationFile>(
        _ proposal: ConfigurationProposal, in _: File.Type
    ) async throws -> AppliedConfiguration {
        let found = try directory.version(of: File.self)
        if let expected = proposal.expected, expected != found {
            throw ConfigurationRefusal.stale(file: File.displayName, expected: expected, found: found)
        }
        let (content, warnings) = try File.parse(proposal.text)
        var new = current
        new[keyPath: File.part] = content
        let missing = directory.checkReferencedFiles(new).filter { $0.file == File.displayName }
        if let missing = ConfigurationErrors(missing) { throw missing }
        let directory = directory
        return try await apply(new, warnings, by: proposal) { try directory.write(content) }
    }

    private func apply(
        _ new: Configuration, _ warnings: [JSONWarning], by proposal: ConfigurationProposal?,
        write: @Sendable () throws -> Void
    ) async throws -> AppliedConfiguration {
        let old = current
        var done: [ConfigurationFollower] = []
        do {
            for follower in followers {
                try await follower.take(old, new)
                done.append(follower)
            }
            try write()
        } catch {
            try await takeBack(done, from: new, to: old, because: error)
            throw error
        }
        held.withLock { $0 = new }
        let applied = AppliedConfiguration(
            configuration: new, change: ConfigurationChange(from: old, to: new), warnings: warnings,
            source: proposal?.source,
            user: proposal?.user, address: proposal?.address)
        for observer in observers { observer(applied) }
        return applied
    }

    private func takeBack(
        _ done: [ConfigurationFollower], from new: Configuration, to old: Configuration, because error: any Error
    ) async throws {
        var failure: ConfigurationRefusal?
        for follower in done.reversed() {
            do {
                try await follower.take(new, old)
            } catch let problem {
                failure = .notTakenBack(
                    reason: "\(failure ?? error)", part: follower.name, problem: "\(problem)")
            }
        }
        if let failure { throw failure }
    }
}
