// The commands on many entries: load and dump.
import ArgumentParser
import Control
import Glibc
import JSON
import NIOCore

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Write the entries of a file.",
        discussion: """
            One entry on a line: {"key": "...", "value": "..."}, or "valueBase64" where the value is not UTF-8. Every
            entry loaded becomes the newest of its key in the whole cluster: loading a dump rolls the cluster back.
            Keys that are not in the file stay as they are. Leases (server/, login/, session/, reservation/) are left
            out, for their owners renew them. What was counted as committed survives whatever happens next.
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "The file; - for standard input.") var file: String

    func run() async throws {
        var source = try LineSource(path: file)
        var progress = ProgressLine(label: "load", unit: "entries", total: nil)
        var committed: Int64 = 0
        var skipped: Int64 = 0
        var lineCount = 0
        do {
            while let part = try source.next() {
                let answer = try await options.client.request(
                    .post, "/v1/load", ["firstLine": "\(lineCount + 1)"], body: part.bytes)
                committed += answer.integer("committed") ?? 0
                skipped += answer.integer("skippedLeases") ?? 0
                lineCount += part.lineCount
                progress.update(count: UInt64(committed))
            }
        } catch {
            progress.clear()
            let status = (error as? AgentError)?.status ?? .notFoundOrRefused
            Terminal.complain(
                "\(committed) entries are committed, those of the first \(lineCount) lines; then: \(error)")
            Glibc.exit(status.rawValue)
        }
        progress.finish(count: UInt64(committed))
        if options.json {
            print(
                JSONValue.object(["committed": .integer(committed), "skippedLeases": .integer(skipped)]).canonicalText)
        } else {
            print("\(committed) entries are committed, each now the newest of its key in the whole cluster.")
            if skipped > 0 { print("\(skipped) leases were left out: their owners renew them.") }
        }
    }
}

struct Dump: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Print the entries below a prefix, one JSON line each, in byte order of the keys.",
        discussion: """
            Equal maps give equal bytes. "load" of a dump rolls the whole cluster back to it; to bring one member back,
            use "backup" and "restore".
            """)
    @OptionGroup var options: ClientOptions
    @Argument(help: "The prefix, such as config/. Every entry unless given.") var prefix: String = ""

    func run() async throws {
        try await options.client.lines("/v1/entries", ["prefix": prefix]) { Terminal.write($0.readableBytesView) }
    }
}

/// Reads a file in parts of whole lines, of which one request takes one.
struct LineSource: ~Copyable {
    private let descriptor: CInt
    private let path: String
    private var rest: [UInt8] = []
    private var isAtEnd = false

    /// The agent commits one part at a time: large enough for speed, small enough for progress.
    private static let partByteCount = 1 << 20

    init(path: String) throws {
        self.path = path
        descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AgentError.usage("\(path): \(unsafe String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    mutating func next() throws -> (bytes: [UInt8], lineCount: Int)? {
        while !isAtEnd, rest.count < Self.partByteCount {
            var chunk = [UInt8](repeating: 0, count: Self.partByteCount)
            let count = unsafe read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw AgentError.refused("\(path): \(unsafe String(cString: strerror(errno)))") }
            isAtEnd = count == 0
            rest += chunk[..<count]
            // A line with the largest value in base64 is longer than a part.
            if rest.lastIndex(of: UInt8(ascii: "\n")) != nil { break }
        }
        guard !rest.isEmpty else { return nil }
        let end = isAtEnd ? rest.count : (rest.lastIndex(of: UInt8(ascii: "\n")) ?? rest.count - 1) + 1
        let part = Array(rest[..<end])
        rest = Array(rest[end...])
        return (part, part.count { $0 == UInt8(ascii: "\n") })
    }
}
