// The main loop of a process that checks images: a request on standard input, a result on standard output.
import Glibc

enum CheckerChild {
    /// Answers until there are no more requests.
    static func run() async throws(CrashPointError) {
        var lines = LineReader(descriptor: STDIN_FILENO, name: "standard input")
        while let line = try lines.next() {
            guard let request = CheckRequest(line: line) else { throw .child("it was asked \"\(line)\"") }
            let check = ImageCheck(directory: request.directory, kind: request.kind)
            let result = await check.run(fully: request.fully)
            try RawFile.write(Array((result.line + "\n").utf8), to: STDOUT_FILENO, name: "standard output")
        }
    }
}

/// Lines from a pipe.
struct LineReader {
    let descriptor: Int32
    let name: String
    private var buffer: [UInt8] = []

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Blocks until there is a line; nil at the end.
    mutating func next() throws(CrashPointError) -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            let more = try RawFile.read(descriptor, name: name)
            if more.isEmpty { return nil }
            buffer += more
        }
    }
}
