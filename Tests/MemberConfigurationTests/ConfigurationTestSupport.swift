// What the configuration tests share: texts, parsing to lines, and a directory that goes away.

import Glibc
import MemberConfiguration
import OperatingSystem

/// A secret of 32 bytes, in hexadecimal.
let testSecret = String(repeating: "5a", count: 32)

/// Another one, in base64.
let otherTestSecret = String(repeating: "QUJD", count: 11)

extension ConfigurationFile {
    /// The content of a text that must have no mistake.
    static func accepted(_ text: String) throws -> Self {
        try parse(text.utf8).content
    }

    /// The lines of the mistakes in a text; none if it is accepted.
    static func mistakes(_ text: String) -> [String] {
        do {
            _ = try parse(text.utf8)
            return []
        } catch {
            return error.lines
        }
    }
}

/// The mistakes in the options of the one connection of a `cluster.json`.
func optionMistakes(_ options: String) -> [String] {
    ClusterConfiguration.mistakes(#"{"databaseConnections": [{"url": "https://a", "options": \#(options)}]}"#)
}

/// The options of the one connection of a `cluster.json`.
func acceptedOptions(_ options: String) throws -> ConnectionOptions {
    let text = #"{"databaseConnections": [{"url": "https://a", "options": \#(options)}]}"#
    return try ClusterConfiguration.accepted(text).databaseConnections[0].options
}

/// A new directory of mode 0700, removed with all its files at the end.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        path = "/tmp/fastx-configuration-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        _ = unsafe mkdir(path, 0o700)
    }

    deinit {
        for name in names() { _ = unsafe unlink("\(path)/\(name)") }
        _ = unsafe rmdir(path)
        _ = unsafe unlink(configuration.lockFile)
    }

    var configuration: ConfigurationDirectory { ConfigurationDirectory(path: path) }

    func write(_ text: String, to name: String, mode: UInt32 = 0o600) throws {
        try FileModes.writePrivateFile("\(path)/\(name)", bytes: Array(text.utf8), overwriting: true)
        _ = unsafe chmod("\(path)/\(name)", mode)
    }

    func names() -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
