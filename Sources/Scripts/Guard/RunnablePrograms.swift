// Which files have to be executed so that a program runs: its interpreters too, as the kernel finds them.
import Glibc
import JSON
import OperatingSystem

/// The programs that a metric may start, where the host's administrator has listed them.
package enum RunnablePrograms {
    /// How deep the kernel follows scripts whose interpreters are scripts.
    private static let depthMax = 5
    /// As much of a first line as the kernel reads.
    private static let lineBytesMax = 256

    /// Changes when one of the files does: what may be executed are files, not names.
    package static func marks(of programs: [String]) -> [String] {
        FileMarks.of(programs.flatMap { (try? files($0))?.sorted() ?? [$0] })
    }

    /// All that has to be executed so that the programs run. One that is not there needs nothing.
    static func files(for programs: [String]) throws(GuardRefusal) -> Set<String> {
        var all: Set<String> = []
        for program in programs {
            guard !isDirectory(program) else {
                throw GuardRefusal(
                    "\(ShownText.oneLine(program)) is a directory, of which all files could be executed; list programs in "
                        + "\"scripts.metricsPrograms\" of config/settings.json")
            }
            all.formUnion(try files(program))
        }
        for program in programs {
            guard let name = nameForEnv(program), !isListed(name, all) else { continue }
            throw GuardRefusal(
                "\"env\" finds the interpreter of \(ShownText.oneLine(program)), so the absolute path of "
                    + "\(ShownText.oneLine(name)) has to be in \"scripts.metricsPrograms\" of config/settings.json as well"
            )
        }
        return all
    }

    /// A program and what interprets it.
    private static func files(_ program: String) throws(GuardRefusal) -> Set<String> {
        var all: Set<String> = []
        var next: String? = program
        for _ in 0...depthMax {
            guard let path = next else { return all }
            all.insert(path)
            if let words = interpreterLine(path) {
                guard let interpreter = words.first, interpreter.hasPrefix("/") else {
                    throw GuardRefusal(
                        "the first line of \(ShownText.oneLine(path)), which \"scripts.metricsPrograms\" of "
                            + "config/settings.json lists, names no absolute path after \"#!\"")
                }
                next = interpreter
            } else {
                next = ELFInterpreter.path(of: path)
            }
        }
        return all
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The words after `#!`; nil for a file that is no script, or cannot be read.
    private static func interpreterLine(_ path: String) -> [String]? {
        guard let file = try? OwnedDescriptor.open(path, O_RDONLY),
            let head = try? file.readAll(byteCountMax: lineBytesMax), head.starts(with: "#!".utf8)
        else { return nil }
        let line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        return line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// What `env` looks for where it interprets a script: `python3` of `#!/usr/bin/env -S python3 -u`.
    private static func nameForEnv(_ program: String) -> String? {
        guard let words = interpreterLine(program), words.first?.split(separator: "/").last == "env" else { return nil }
        return words.dropFirst().first { !$0.hasPrefix("-") && !$0.contains("=") }
    }

    /// Whether the program that `env` finds is one of some files, by whichever of its names.
    private static func isListed(_ name: String, _ files: Set<String>) -> Bool {
        guard let found = name.hasPrefix("/") ? name : ProgramPath.find(name, in: ProgramPath.standard) else {
            return false
        }
        let mark = FileMarks.of([found])
        return !mark.isEmpty && files.contains { FileMarks.of([$0]) == mark }
    }
}
