// The scripts that are shipped with the program.
package import OperatingSystem

/// Scripts that every member of this version has; nobody can change them.
package struct PredefinedScripts: Sendable {
    /// By name: "Needs GPU".
    package let scripts: [String: ScriptSource]

    /// Without any.
    package init() { scripts = [:] }

    /// Reads the files `NAME.js` of a directory.
    ///
    /// - Throws: `SystemError` where it cannot be read.
    package init(directory: String) throws(SystemError) {
        var scripts: [String: ScriptSource] = [:]
        for file in try PrivateDirectory.names(in: directory) where file.hasSuffix(".js") {
            let name = String(file.dropLast(3))
            scripts[name] = ScriptSource(name: name, text: try HostFile.bytes(at: "\(directory)/\(file)"))
        }
        self.scripts = scripts
    }

    /// Their names, ordered.
    package var names: [String] { scripts.keys.sorted() }
}
