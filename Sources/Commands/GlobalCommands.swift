// The commands on the configuration that all members share: config show, set, remove, history and undo.
import ArgumentParser
import Control
import Glibc
import JSON
import MemberConfiguration
import OperatingSystem

struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the configuration of the cluster: its values, or the text of one.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "scripts/NAME, metrics/NAME or placement. All values unless given.") var name: String?

    func run() async throws {
        let name = try name.map { try GlobalName.parse($0) }
        let entries = try await GlobalClient(options, "config show").entries(name)
        if options.json { return print(JSONValue.array(entries.map(\.document)).canonicalText) }
        if name != nil, let entry = entries.first {
            for line in entry.document.texts("mistakes") { Terminal.complain(line) }
            if let used = entry.document.text("used") { Terminal.complain("this is what the map has; \(used)") }
            Terminal.write(entry.bytes)
            if entry.bytes.last != UInt8(ascii: "\n"), isatty(STDOUT_FILENO) == 1 { print() }
            return
        }
        guard !entries.isEmpty else { return print("the cluster has no configuration of its own") }
        var rows = [["NAME", "VERSION", "WRITTEN", "BY", "FIRST LINE"]]
        for entry in entries {
            rows.append([
                ShownText.oneLine(entry.name), entry.version, entry.document.text("writtenAt") ?? "",
                entry.document.text("writtenBy") ?? "?", Self.firstLine(entry),
            ])
        }
        Terminal.table(rows)
    }

    private static func firstLine(_ entry: GlobalEntry) -> String {
        if let mistake = entry.document.texts("mistakes").first { return "MISTAKE: \(mistake)" }
        let lines = String(decoding: entry.bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return ShownText.oneLine(String((lines.first ?? "").prefix(ShownText.valueCharacterCountMax)))
    }
}

struct ConfigSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Write a value of the cluster's configuration, unless it has mistakes.",
        discussion: """
            It counts at this member when the command ends, and at the others as soon as it reaches them. With --expected, \
            nothing is written where somebody else has changed the value since that version.
            """)
    @OptionGroup var options: ClientOptions
    @Option(help: "The version that the value must have, as \"config show\" names it; absent: none.")
    var expected: String?
    @Argument(help: "scripts/NAME, metrics/NAME or placement.") var name: String
    @Argument(help: "The file with the new text; - for standard input.") var content: String

    func run() async throws {
        let name = try GlobalName.parse(name)
        let bytes: [UInt8]
        do {
            bytes =
                try content == "-"
                ? HostFile.bytesOfStandardInput() : HostFile.bytes(at: Paths.absolute(content))
        } catch {
            throw AgentError.usage("\(error)")
        }
        // What is no text cannot be told to the agent.
        _ = try GlobalValue.parse(bytes, of: name)
        let request = GlobalRequest(
            name: name, text: String(decoding: bytes, as: UTF8.self), expected: expected)
        for outcome in try await GlobalClient(options, "config set").change([request]) { print(outcome.line) }
    }
}

struct ConfigRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a value of the cluster's configuration, at every member.",
        discussion: "Its texts stay in the history, and \"config undo\" brings them back.")
    @OptionGroup var options: ClientOptions
    @Option(help: "The version that the value must have, as \"config show\" names it.") var expected: String?
    @Argument(help: "scripts/NAME, metrics/NAME or placement.") var name: String

    func run() async throws {
        let request = GlobalRequest(name: try GlobalName.parse(name), text: nil, expected: expected)
        for outcome in try await GlobalClient(options, "config remove").change([request]) { print(outcome.line) }
    }
}

struct ConfigUndo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Write an older version of a value of the cluster's configuration as a new one.")
    @OptionGroup var options: ClientOptions
    @Option(help: "The version that is to count again, as \"config history\" names it.") var to: String
    @Argument(help: "scripts/NAME, metrics/NAME or placement.") var name: String

    func run() async throws {
        let name = try GlobalName.parse(name)
        for outcome in try await GlobalClient(options, "config undo").undo(name, to: to) { print(outcome.line) }
    }
}

struct ConfigHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show the changes of configuration, who made them, and what became of them.",
        discussion: """
            Of the cluster's configuration and of this member's files, the newest last. A version that was overwritten had \
            not been seen by whoever wrote the other one: the two were written at the same time, or while a link was down.
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "scripts/NAME, metrics/NAME, placement, or a file such as settings.json. All unless given.")
    var name: String?

    func run() async throws {
        let answer = try await options.client.request(.get, "/v1/history", name.map { ["name": $0] } ?? [:])
        if options.json { return print(answer.canonicalText) }
        guard case .array(let rows) = answer, !rows.isEmpty else { return print("no change is known here") }
        for row in rows { for line in Self.lines(row) { print(line) } }
    }

    private static func lines(_ row: JSONValue) -> [String] {
        let time = row.text("time") ?? ""
        let who = row.text("user") ?? "somebody"
        let from = row.text("address").map { " from \($0)" } ?? ""
        if row.text("kind") == "file" {
            let source = row.text("source").map { "\(who)\(from) by \($0)" } ?? "edited by hand"
            return ["\(time)  \(source)"] + row.texts("lines").map { "    \($0)" }
        }
        let server = row.text("serverId") ?? "a member not known here"
        let key = ShownText.oneLine(row.text("key") ?? "")
        let version = row.text("version") ?? ""
        guard row.text("effect") != "unknown" else {
            return [
                "\(time)  \(key): version \(version), written at \(server), which has the record", "    in the map now",
            ]
        }
        let what = row.text("effect") ?? ""
        let author = "by \(who) at \(server) (\(row.text("source") ?? ""))"
        var lines = ["\(time)  \(key): \(what) \(author), version \(version)"]
        if let fate = row["fate"].flatMap({ Self.fate($0) }) { lines.append("    \(fate)") }
        return lines + row.texts("difference").prefix(differenceLineCountMax).map { "    \(ShownText.oneLine($0))" }
    }

    /// Of a value too long to be kept, lines that are shown.
    private static let differenceLineCountMax = 40

    private static func fate(_ fate: JSONValue) -> String? {
        let server = fate.text("serverId") ?? "a member not known here"
        switch fate.text("kind") {
        case "current": return "in the map now"
        case "overwritten":
            return "overwritten by version \(fate.text("version") ?? "") of \(fate.text("user") ?? "somebody") at "
                + "\(server), written at \(fate.text("time") ?? "") without having seen this one"
        case "replaced":
            guard let version = fate.text("version") else { return "not in the map any more" }
            return
                "replaced by version \(version) of \(server); its record, which says whether it had seen this one, is "
                + "not here"
        default: return nil
        }
    }
}
