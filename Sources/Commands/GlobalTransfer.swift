// The commands that take the cluster's configuration to files and back: config export and import.
import ArgumentParser
import Control
import Glibc
import JSON
import MemberConfiguration
import OperatingSystem

struct ConfigExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the configuration of the cluster into files.",
        discussion: """
            scripts/NAME.js, metrics/NAME.js and placement.json, as the map has them. In names, % and a dot at the beginning \
            are written %25 and %2E.
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "The directory, in which there are none of these files yet.") var directory: String

    func run() async throws {
        let path = Paths.absolute(directory)
        var values: [GlobalName: [UInt8]] = [:]
        for entry in try await GlobalClient(options, "config export").entries() {
            values[try GlobalName.parse(entry.name)] = entry.bytes
        }
        do {
            try GlobalDirectory(path: path).write(values)
        } catch {
            throw AgentError.refused("\(error)")
        }
        print("\(path): \(values.count) values")
    }
}

struct ConfigImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Write the configuration of the cluster from files, all of it or nothing.",
        discussion: """
            Reads what "config export" writes, checks all of it, shows what would change and asks. Values that are not in \
            the directory stay, unless --delete is given.
            """)
    @OptionGroup var options: ClientOptions
    @Flag(help: "Do not ask.") var yes = false
    @Flag(help: "Remove values that are not in the directory.") var delete = false
    @Argument(help: "The directory.") var directory: String

    /// Of each value, lines of the difference that are shown.
    private static let differenceLineCountMax = 40

    func run() async throws {
        let client = GlobalClient(options, "config import")
        let found = Dictionary(
            try await client.entries().map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first })
        let requests = try requests(try read(), found)
        let outcomes = try await client.change(requests, isCheck: true)
        let effective = zip(requests, outcomes).filter { $1.effect != "unchanged" }
        guard !effective.isEmpty else { return print("the cluster is configured so already") }
        for (_, outcome) in effective { show(outcome) }
        guard yes || confirmed(effective.count) else {
            throw AgentError.refused("nothing was written")
        }
        for outcome in try await client.change(effective.map(\.0)) { print(outcome.line) }
    }

    private func read() throws -> [GlobalName: [UInt8]] {
        let path = Paths.absolute(directory)
        let content: GlobalDirectory.Content?
        do {
            content = try GlobalDirectory(path: path).read()
        } catch {
            throw AgentError.usage("\(error)")
        }
        guard let content else {
            throw AgentError.usage(
                "\(path): there is nothing there that \"config export\" writes: no scripts, metrics and placement.json")
        }
        for other in content.others {
            Terminal.complain("warning: \(other) is not what \"config export\" writes and is left out")
        }
        return content.values
    }

    /// Against the versions that the summary is about, so that nothing is overwritten that nobody has seen.
    private func requests(_ values: [GlobalName: [UInt8]], _ found: [String: String]) throws -> [GlobalRequest] {
        var mistakes: [ConfigurationErrors] = []
        var requests: [GlobalRequest] = []
        for (name, bytes) in values.sorted(by: { $0.key < $1.key }) {
            do throws(ConfigurationErrors) {
                _ = try GlobalValue.parse(bytes, of: name)
            } catch {
                mistakes.append(error)
            }
            requests.append(
                GlobalRequest(
                    name: name, text: String(decoding: bytes, as: UTF8.self), expected: found[name.text] ?? "absent"))
        }
        if let all = ConfigurationErrors(joining: mistakes) { throw all }
        guard delete else { return requests }
        for (text, version) in found.sorted(by: { $0.key < $1.key }) {
            let name = try GlobalName.parse(text)
            if values[name] == nil { requests.append(GlobalRequest(name: name, text: nil, expected: version)) }
        }
        return requests
    }

    private func show(_ outcome: GlobalOutcome) {
        print("\(ShownText.oneLine(outcome.name)): \(outcome.effect)")
        for line in outcome.difference.prefix(Self.differenceLineCountMax) { print("  \(ShownText.oneLine(line))") }
        let rest = outcome.difference.count - Self.differenceLineCountMax
        if rest > 0 { print("  and \(rest) lines more") }
    }

    private func confirmed(_ count: Int) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else {
            Terminal.complain("nobody can be asked on this terminal; say --yes to write this")
            return false
        }
        Terminal.write(Array("Write these \(count) changes at every member? [y/N] ".utf8))
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
}
