// The commands on the store's file: check, backup, restore.
import ArgumentParser
import Control
import Glibc
import JSON
import MemberConfiguration
import Store

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Recompute every digest in the store, whether or not the agent is running.",
        discussion: "Runs in a process of its own, because a damaged file can end the process that reads it.")
    @OptionGroup var options: ClientOptions
    @Flag(name: .customLong("in-this-process"), help: .private) var isInThisProcess = false
    @Flag(name: .customLong("structure-only"), help: .private) var isStructureOnly = false

    func run() async throws {
        if isInThisProcess { return try check() }
        let status = try await StoreChild.run(
            options.location.directory, options.json ? ["--json"] : [], isQuiet: false)
        if status != 0 { Glibc.exit(status) }
    }

    private func check() throws {
        if isStructureOnly { return try Store.probe(directory: options.location.directory.store) }
        var progress = ProgressLine(label: "check", unit: "entries", total: nil)
        let report: CheckReport
        do {
            report = try Store.check(directory: options.location.directory.store) { progress.update(count: UInt64($0)) }
        } catch {
            throw AgentError.refused("\(error)")
        }
        progress.finish(count: UInt64(report.entryCount))
        if options.json {
            print(
                JSONValue.object([
                    "entries": .integer(Int64(report.entryCount)), "damaged": .integer(Int64(report.damagedCount)),
                    "damagedKeys": .array(report.damaged.map { .string("\($0.key)") }),
                ]).canonicalText)
        } else {
            print("\(report.entryCount) entries, \(report.damagedCount) damaged")
            for entry in report.damaged { print("  \(entry.key): \(entry.fault.rawValue)") }
        }
        guard report.damagedCount > 0 else { return }
        throw AgentError.refused(
            "the store has damaged entries; a running agent takes them out when it meets them, and gossip brings them back"
        )
    }
}

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write a copy of the running agent's store to a new file.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "The file to make.") var file: String

    func run() async throws {
        var progress = ProgressLine(label: "backup", unit: "bytes", total: nil)
        var splitter = LineSplitter()
        var failure: String?
        var entries: Int64 = 0
        try await options.client.lines("/v1/backup", ["path": Paths.absolute(file)]) { part in
            for line in splitter.lines(adding: part) {
                let json = try JSONValue.parse(line)
                if let count = json.integer("bytes") { progress.update(count: UInt64(count)) }
                entries = json.integer("entries") ?? entries
                failure = json.text("error") ?? failure
            }
        }
        progress.clear()
        if let failure { throw AgentError.refused(failure) }
        if options.json { return print(JSONValue.object(["entries": .integer(entries)]).canonicalText) }
        print(
            "\(file) holds \(entries) entries. \"restore\" brings this one member back to it, and gossip brings newer "
                + "values after; to roll the cluster back, use \"load\" of a \"dump\".")
    }
}

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup in place of the store. The agent must be stopped.",
        discussion: """
            Brings this one member back: once it is linked again, gossip brings it every newer value. To roll the whole
            cluster back, use "load" of a "dump".
            """)
    @OptionGroup var location: VarDirectoryOption
    @Argument(help: "The backup.") var file: String

    func run() async throws {
        do {
            try Self.restore(Paths.absolute(file), location.directory.store)
        } catch let error as StoreError {
            throw AgentError.refused("\(error)")
        }
        print("Restored from \(file). Start the agent: gossip will bring it newer values from the other members.")
    }

    /// Blocks, which nothing else here minds.
    private static func restore(_ file: String, _ directory: String) throws {
        try Store.restore(from: file, to: directory)
    }
}
