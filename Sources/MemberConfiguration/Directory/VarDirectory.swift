// The directory that holds all of one member: its layout on disk.
import Glibc
import OperatingSystem
package import Replica

/// Paths below the var directory.
package struct VarDirectory: Sendable, Equatable {
    /// Absolute.
    package let path: String

    /// Looks at nothing yet.
    package init(path: String) { self.path = path }

    /// Where a member lives unless told otherwise.
    package static let defaultPath = "/usr/lib/fastx/var"
    /// Names another default, for shells and scripts.
    package static let environmentVariable = "FASTX_VAR_DIR"

    /// The files that an administrator edits.
    package var configuration: ConfigurationDirectory { ConfigurationDirectory(path: "\(path)/config") }
    /// The server id, one line.
    package var serverIDFile: String { "\(path)/server-id" }
    /// The directory of the map on disk.
    package var store: String { "\(path)/store" }
    /// The Unix socket of the client commands.
    package var socket: String { "\(path)/agent.sock" }

    /// Longest path of a Unix socket in bytes, without its final zero.
    package static let socketPathByteCountMax = 107

    /// This directory, if there is one.
    package func existing() throws(NotInitialised) -> VarDirectory {
        guard unsafe access(path, F_OK) == 0 else { throw NotInitialised("\(path): there is no such directory") }
        return self
    }

    /// This member's server id.
    package func serverID() throws(NotInitialised) -> ServerID {
        do {
            let text = try HostFile.text(at: serverIDFile)
            let line = String(text.prefix { $0 != "\n" })
            guard let id = ServerID(line) else { throw NotInitialised("\(serverIDFile) holds no server id") }
            return id
        } catch let error as NotInitialised {
            throw error
        } catch {
            throw NotInitialised("\(error)")
        }
    }
}

/// The var directory lacks what `init` makes.
package struct NotInitialised: Error, CustomStringConvertible {
    private let detail: String

    init(_ detail: String) { self.detail = detail }

    /// One line: what is missing, and how to make it.
    package var description: String { "\(detail); make the directory with \"fastx-agent init\"" }
}
