// Options that several commands take.
import ArgumentParser
import Control
import Glibc
package import MemberConfiguration

/// Where the agent lives.
package struct VarDirectoryOption: ParsableArguments {
    @Option(help: "The agent's directory. Default: $FASTX_VAR_DIR, or \(VarDirectory.defaultPath).")
    var varDir: String?

    /// For the parser.
    package init() {}

    /// The one that was named, the environment's or the usual one; its path is absolute. It need not be there.
    package var directory: VarDirectory {
        let environment = unsafe getenv(VarDirectory.environmentVariable).map { unsafe String(cString: $0) }
        return VarDirectory(path: Paths.absolute(varDir ?? environment ?? VarDirectory.defaultPath))
    }
}

/// What most client commands take.
struct ClientOptions: ParsableArguments {
    @OptionGroup var location: VarDirectoryOption
    @Flag(help: "Print JSON.")
    var json = false

    var client: ControlClient { ControlClient(directory: location.directory) }
}

/// Paths as somebody types them.
enum Paths {
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return "\(unsafe String(cString: current))/\(path)"
    }
}
