// The commands on single entries: put, get, delete, list, watch, explain.
import ArgumentParser
import Control
import Glibc
import JSON
import NIOCore
import OperatingSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Write an entry.",
        discussion: """
            Keys begin with data/, or are those of the cluster's configuration, which is checked: see "config set". \
            Returns once the entry is safe on this member's disk.
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "The key, such as data/motd.") var key: String
    @Argument(help: "The value. Standard input unless given.") var value: String?

    func run() async throws {
        let bytes = try value.map { Array($0.utf8) } ?? StandardInput.readAll()
        let answer = try await options.client.request(.put, "/v1/entry", ["key": key], body: bytes)
        if let warning = answer.text("warning") { Terminal.complain("warning: \(warning)") }
        if options.json { print(answer.canonicalText) }
    }
}

struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print the value of an entry.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "The key.") var key: String

    func run() async throws {
        let answer = try await options.client.request(.get, "/v1/entry", ["key": key])
        if options.json { return print(answer.canonicalText) }
        if case .string(let value)? = answer["value"] {
            Terminal.write(Array(value.utf8))
            if isatty(STDOUT_FILENO) == 1 { print() }
        } else if case .string(let text)? = answer["valueBase64"], let data = Data(base64Encoded: text) {
            Terminal.write(Array(data))
        }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete an entry, on every member, for good.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "The key.") var key: String

    func run() async throws {
        let answer = try await options.client.request(.delete, "/v1/entry", ["key": key])
        if options.json { print(answer.canonicalText) }
    }
}

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print the keys below a prefix, in byte order.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "The prefix, such as data/. Every key unless given.") var prefix: String = ""

    func run() async throws {
        var splitter = LineSplitter()
        try await options.client.lines("/v1/entries", ["prefix": prefix]) { part in
            var output: [UInt8] = []
            for line in splitter.lines(adding: part) {
                let json = try JSONValue.parse(line)
                guard case .string(let key)? = json["key"] else { continue }
                let shown = options.json ? JSONValue.object(["key": .string(key)]).canonicalText : key
                output += Array(shown.utf8) + [UInt8(ascii: "\n")]
            }
            Terminal.write(output)
        }
    }
}

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Print every change below a prefix as a line of JSON, until interrupted.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "The prefix. Every key unless given.") var prefix: String = ""

    func run() async throws {
        try await options.client.lines("/v1/watch", ["prefix": prefix]) { part in
            if part.readableBytes > 1 || part.readableBytesView.first != UInt8(ascii: "\n") {
                Terminal.write(Array(buffer: part))
            } else if isatty(STDERR_FILENO) == 1 {
                Terminal.complainPlainly("watching; Ctrl-C ends")
            }
        }
        throw AgentError.noDaemon("the agent has stopped")
    }
}

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Tell why a key has the value that it has.",
        discussion: """
            Prints the value, when and by which member it was written, and of recent changes over which link they
            came to this member and what they replaced.
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "The key.") var key: String

    func run() async throws {
        let answer = try await options.client.request(.get, "/v1/explain", ["key": key])
        if options.json { return print(answer.canonicalText) }
        print("key         \(key)")
        let isDeleted = answer["deleted"] == true
        if let value = answer.text("value") { print("value       \(value)") }
        if let value = answer.text("valueBase64") { print("value       (base64) \(value)") }
        if isDeleted { print("value       none: it was deleted") }
        if let version = answer.text("version") { print("written     \(version)") }
        print(
            "written by  \(answer.text("writtenBy") ?? "a process not known here, origin \(answer.text("origin") ?? "?")")"
        )
        if let expires = answer.text("expires") { print("expires     \(expires)") }
        guard case .array(let changes)? = answer["changes"], !changes.isEmpty else {
            return print("changes     none since this agent started, or too long ago to be remembered")
        }
        for (index, change) in changes.enumerated() {
            let what = change["deleted"] == true ? "deleted" : "written"
            let writer = change.text("writtenBy") ?? change.text("origin") ?? "?"
            let replaced = change.text("replaced").map { ", replaced the one of \($0)" } ?? ", new key"
            print(
                "\(index == 0 ? "changes   " : "          ")  \(change.text("at") ?? ""): \(what) "
                    + "\(change.text("version") ?? "") by \(writer), source: \(change.text("source") ?? "")\(replaced)")
        }
    }
}

/// Cuts a stream of bytes into lines.
struct LineSplitter {
    private var rest: [UInt8] = []

    mutating func lines(adding part: ByteBuffer) -> [ArraySlice<UInt8>] {
        rest += part.readableBytesView
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let complete = rest[..<end]
        rest = Array(rest[(end + 1)...])
        return complete.split(separator: UInt8(ascii: "\n"))
    }
}

enum StandardInput {
    static func readAll() throws -> [UInt8] {
        do {
            return try HostFile.bytesOfStandardInput()
        } catch {
            throw AgentError.usage("\(error)")
        }
    }
}
