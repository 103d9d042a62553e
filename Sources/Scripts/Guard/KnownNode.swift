// What Node has said of itself once, so that it need not be asked at the start of each process.
import Glibc
import JSON
import OperatingSystem
import Synchronization

/// What a Node has said of itself, with marks of the files that it was then. Guards live no longer than the process that
/// they guard, so the agent keeps it for the next one.
struct KnownNode: Equatable {
    let program: NodeProgram
    /// Of the path that was asked, which may be a wrapper's, and of the program's own file.
    let marks: [String]

    /// What is known already, where the files are still the same; otherwise Node is asked, which takes about as long as the
    /// start of the process itself.
    static func learn(_ plan: ScriptPlan, _ known: KnownNode?) throws(NodeProgram.Refusal) -> KnownNode {
        if let known, !known.marks.isEmpty, known.marks == FileMarks.of([plan.node, known.program.path]) {
            return known
        }
        // From before it is asked: a file that is replaced meanwhile is another one.
        let before = FileMarks.of([plan.node])
        let program = try NodeProgram.ask(plan.node, options: ScriptWalls.options(memoryMiB: plan.memoryMiB))
        return KnownNode(program: program, marks: before + FileMarks.of([program.path]))
    }

    // MARK: As JSON

    var document: JSONValue {
        [
            "program": .string(program.path), "version": .string(program.version),
            "baselineBytes": .integer(Int64(program.baselineBytes)), "marks": .array(marks.map { .string($0) }),
        ]
    }

    /// `nil` for what is none: Node is asked then.
    init?(_ document: JSONValue?) {
        guard let document, let path = document.text("program"), path.hasPrefix("/"),
            let version = document.text("version"),
            let bytes = document.integer("baselineBytes").flatMap({ UInt64(exactly: $0) }),
            bytes < NodeProgram.baselineBytesMax
        else { return nil }
        self.init(
            program: NodeProgram(path: path, version: version, baselineBytes: bytes), marks: document.texts("marks"))
    }

    init(program: NodeProgram, marks: [String]) {
        self.program = program
        self.marks = marks
    }
}

/// By what a file is known again.
enum FileMarks {
    /// One for each file that is there: which file, and when it or its rights were changed last.
    static func of(_ paths: [String]) -> [String] {
        paths.compactMap { path in
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            let times = [status.st_mtim, status.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
            return "\(status.st_dev):\(status.st_ino):\(status.st_size):\(times.joined(separator: ":"))"
        }
    }
}

/// What this process has been told of Nodes by guards.
enum KnownNodes {
    /// As many as are configured at once, and some that were before.
    private static let countMax = 8

    private struct Key: Hashable {
        let node: String
        let memoryMiB: Int

        init(_ plan: ScriptPlan) {
            node = plan.node
            memoryMiB = plan.memoryMiB
        }
    }

    private static let known = Mutex([Key: KnownNode]())

    static func find(_ plan: ScriptPlan) -> KnownNode? { known.withLock { $0[Key(plan)] } }

    static func keep(_ node: KnownNode, for plan: ScriptPlan) {
        known.withLock { known in
            if known.count >= countMax { known = [:] }
            known[Key(plan)] = node
        }
    }
}
