// The cluster's configuration as files: one for each script and metric, and placement.json.
import Glibc
import JSON
package import MemberConfiguration
package import OperatingSystem

/// A directory that `config export` writes and `config import` reads.
package struct GlobalDirectory {
    /// What is in it.
    package struct Content {
        /// The bytes of each value.
        package var values: [GlobalName: [UInt8]] = [:]
        /// Paths of files that are none of these.
        package var others: [String] = []

        package init(values: [GlobalName: [UInt8]] = [:]) { self.values = values }
    }

    private let path: String

    /// - Parameter path: Absolute.
    package init(path: String) { self.path = path }

    private static let placement = "placement.json"
    private static let kinds: [(folder: String, make: @Sendable (String) -> GlobalName)] = [
        ("scripts", { .script($0) }), ("metrics", { .metric($0) }),
    ]

    private static func relativePath(_ name: GlobalName) -> String {
        switch name {
        case .script(let name): "scripts/\(TextFileName.file(of: name))"
        case .metric(let name): "metrics/\(TextFileName.file(of: name))"
        case .placement: placement
        }
    }

    // MARK: Reading and writing

    /// Files of mode 0600 in a directory that has none of them yet; it is made where it is not there.
    package func write(_ values: [GlobalName: [UInt8]]) throws(SystemError) {
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw .call(name: "mkdir", subject: path, code: errno)
        }
        for name in Self.kinds.map(\.folder) + [Self.placement] where unsafe access("\(path)/\(name)", F_OK) == 0 {
            throw .alreadyExists(path: "\(path)/\(name)")
        }
        for (folder, _) in Self.kinds { try PrivateDirectory.make("\(path)/\(folder)") }
        for (name, bytes) in values {
            try FileModes.writePrivateFile("\(path)/\(Self.relativePath(name))", bytes: bytes, isOfMember: false)
        }
    }

    /// All values; nil where there is nothing that `write` makes.
    package func read() throws(SystemError) -> Content? {
        let names = try PrivateDirectory.names(in: path)
        guard names.contains(Self.placement) || Self.kinds.contains(where: { names.contains($0.folder) }) else {
            return nil
        }
        var content = Content()
        for name in names where name != Self.placement && !Self.kinds.contains(where: { $0.folder == name }) {
            content.others.append("\(path)/\(name)")
        }
        if names.contains(Self.placement) {
            content.values[.placement] = try HostFile.bytes(at: "\(path)/\(Self.placement)")
        }
        for (folder, make) in Self.kinds where names.contains(folder) {
            for file in try PrivateDirectory.names(in: "\(path)/\(folder)") {
                let filePath = "\(path)/\(folder)/\(file)"
                if let name = TextFileName.name(of: file) {
                    content.values[make(name)] = try HostFile.bytes(at: filePath)
                } else {
                    content.others.append(filePath)
                }
            }
        }
        return content
    }
}
