// Node, as a host's administrator has named it: whether it is one that scripts can run in, and what it needs for itself.
import Glibc
import JSON
import OperatingSystem

/// A Node that was asked about itself.
struct NodeProgram: Equatable {
    /// The program's own file, which a wrapper may have led to.
    let path: String
    /// Such as `v20.20.2`.
    let version: String
    /// Memory of its own that it has once it runs, before any script: very different from one version to another.
    let baselineBytes: UInt64

    /// More than any Node has; what is kept of it is judged by this as well.
    static let baselineBytesMax: UInt64 = 1 << 50
    /// Older ones lack what the main script uses.
    static let majorMin = 18
    /// How long it may take to answer; usually it is a twentieth of a second.
    private static let answerTimeMax: Duration = .seconds(10)
    /// More than any answer has.
    private static let answerBytesMax = 4_096
    /// What Node is asked; the answer is one line of JSON. Old versions have to understand it as well.
    private static let question =
        "JSON.stringify({version:process.version,program:process.execPath,"
        + "data:+/VmData:\\s*(\\d+)/.exec(require('fs').readFileSync('/proc/self/status','latin1'))[1]})"

    private static let advice =
        "install Debian's package nodejs, or name another Node, \(majorMin) or newer, in \"scripts.node\" of "
        + "config/settings.json"

    /// Why a path is no Node for scripts: a whole sentence with the path and what to do.
    struct Refusal: Error, Equatable {
        let sentence: String

        init(_ path: String, _ problem: String) {
            sentence = "\(ShownText.oneLine(path)) \(problem); \(NodeProgram.advice)"
        }
    }

    /// Starts Node with the options that scripts will have, and waits for its answer in this thread.
    static func ask(_ path: String, options: [String]) throws(Refusal) -> NodeProgram {
        guard path.hasPrefix("/") else { throw Refusal(path, "is not an absolute path") }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw Refusal(path, errno == ENOENT ? "is not there" : "cannot be used: \(SystemText.reason(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Refusal(path, "is not a file") }
        guard unsafe access(path, X_OK) == 0 else {
            throw Refusal(path, "cannot be executed: \(SystemText.reason(errno))")
        }
        let answer: (text: String, status: ExitStatus)
        do throws(SystemError) {
            answer = try output(of: path, options + ["-p", question])
        } catch {
            throw Refusal(path, "could not be asked for its version: \(error)")
        }
        guard answer.status == .exited(0) else {
            throw Refusal(path, "did not tell its version: it ended with status \(answer.status.shellCode)")
        }
        return try read(answer.text, path)
    }

    /// What an answer says.
    static func read(_ text: String, _ path: String) throws(Refusal) -> NodeProgram {
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        guard let value = try? JSONValue.parse(line), let version = value.text("version"),
            let major = version.dropFirst().split(separator: ".").first.flatMap({ Int($0) }), version.hasPrefix("v"),
            let program = value.text("program"), program.hasPrefix("/"),
            let kibibytes = value.integer("data").flatMap({ UInt64(exactly: $0) }), kibibytes < baselineBytesMax / 1_024
        else { throw Refusal(path, "did not answer as Node does, but: \(ShownText.quoted(line))") }
        guard major >= majorMin else { throw Refusal(path, "is Node \(version), which is too old") }
        return NodeProgram(path: program, version: version, baselineBytes: kibibytes * 1_024)
    }

    private static func output(
        of path: String, _ arguments: [String]
    ) throws(SystemError) -> (text: String, status: ExitStatus) {
        let pipe = try Kernel.makePipe()
        let pid = try Spawn.start(
            SpawnPlan(
                program: path, arguments: arguments, environment: [:], directory: "/",
                descriptors: [nil, pipe.writing, nil], isDetached: true))
        Glibc.close(pipe.writing.take())
        let deadline = ContinuousClock.now + answerTimeMax
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: answerBytesMax)
        var isWhole = false
        while bytes.count < answerBytesMax {
            let rest = ContinuousClock.now.duration(to: deadline)
            var entry = pollfd(fd: pipe.reading.raw, events: Int16(POLLIN), revents: 0)
            let milliseconds = rest.components.seconds * 1_000 + rest.components.attoseconds / 1_000_000_000_000_000
            let count = unsafe poll(&entry, 1, CInt(clamping: max(0, milliseconds)))
            if count < 0, errno == EINTR { continue }
            guard count > 0, let read = try pipe.reading.read(into: &chunk) else { break }
            isWhole = read == 0
            if isWhole { break }
            bytes.append(contentsOf: chunk.prefix(read))
        }
        // One that has answered ends by itself; its group goes with any other.
        if !isWhole { kill(-pid, SIGKILL) }
        var word: CInt = 0
        while unsafe waitpid(pid, &word, 0) < 0, errno == EINTR {}
        guard isWhole else { throw .timedOut(what: "its answer", limit: answerTimeMax) }
        return (String(decoding: bytes, as: UTF8.self), ExitStatus(status: word))
    }
}
