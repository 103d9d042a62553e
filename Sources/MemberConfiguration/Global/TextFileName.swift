// How the file of a script or a metric is called.

/// The names of files that hold one script or metric each.
package enum TextFileName {
    private static let ending = ".js"

    /// The name of a script or metric as the name of a file: `%` and a dot at the beginning are `%25` and `%2E`.
    package static func file(of name: String) -> String {
        let escaped = name.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%25")
        return (escaped.hasPrefix(".") ? "%2E" + escaped.dropFirst() : escaped) + ending
    }

    /// The name of a script or metric; nil where no name is written so.
    package static func name(of file: String) -> String? {
        guard file.hasSuffix(ending) else { return nil }
        var parts = file.dropLast(ending.count).split(separator: "%", omittingEmptySubsequences: false)
        var name = String(parts.removeFirst())
        for part in parts {
            switch part.prefix(2) {
            case "25": name += "%" + part.dropFirst(2)
            case "2E": name += "." + part.dropFirst(2)
            default: return nil
            }
        }
        return GlobalName.isAllowed(name) && self.file(of: name) == file ? name : nil
    }
}
