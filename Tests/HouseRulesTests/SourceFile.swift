// The project's own Swift files as text, for the house rules to judge.
import Foundation
import Testing

/// One Swift file of the project.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Relative to the root of the project.
    let path: String
    let lines: [Substring]

    var testDescription: String { path }

    /// The folder that says what module it belongs to, such as `Sources/Store`.
    var module: String { path.split(separator: "/").prefix(2).joined(separator: "/") }

    /// The names of the modules imported.
    var imports: [String] {
        lines.compactMap { line in
            var words = line.split(separator: " ")[...]
            while let first = words.first, first.hasPrefix("@") || ["package", "public", "internal"].contains(first) {
                words = words.dropFirst()
            }
            return words.first == "import" ? words.dropFirst().first.map(String.init) : nil
        }
    }

    /// The names of the types that are declared at the file's top level.
    var types: [String] {
        let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
        return lines.compactMap { line in
            guard let first = line.first, first.isLetter || first == "@" else { return nil }
            let words = line.split(separator: " ")
            guard let kind = words.firstIndex(where: kinds.contains), kind + 1 < words.count,
                words[..<kind].allSatisfy({ $0.first?.isLetter == true || $0.first == "@" }), words[0] != "import"
            else { return nil }
            return String(words[kind + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
        }
    }

    /// Each function with the number of lines from its name to its closing brace, told by indentation.
    var functions: [(name: String, lineCount: Int)] {
        var functions: [(String, Int)] = []
        for (start, line) in lines.enumerated() where line.contains("func ") && !line.hasPrefix("//") {
            let indentation = line.prefix { $0 == " " }.count
            let closing = String(repeating: " ", count: indentation) + "}"
            guard let end = lines[start...].firstIndex(where: { $0 == closing }) else { continue }
            // A requirement of a protocol has no body: what follows at its level is something else.
            let next = lines[(start + 1)...].firstIndex { $0.hasPrefix(closing.dropLast() + "func ") }
            if let next, next < end, !line.contains("{") { continue }
            functions.append((String(line.trimmingCharacters(in: .whitespaces)), end - start + 1))
        }
        return functions
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file below some folders.
    static func all(_ folders: String...) throws -> [SourceFile] {
        try folders.flatMap { folder -> [SourceFile] in
            let directory = root.appendingPathComponent(folder)
            let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
            return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
                let text = try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
                return SourceFile(
                    path: "\(folder)/\(name)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
        }
    }
}
