// The directory that holds all of one member: its layout on disk.
import Glibc
import OperatingSystem
import Replica

/// Paths below the var directory.
struct VarDirectory: Sendable, Equatable {
    let path: String

    /// Where a member lives unless told otherwise.
    static let defaultPath = "/usr/lib/fastx/var"
    /// Names another default, for shells and scripts.
    static let environmentVariable = "FASTX_VAR_DIR"

    var configuration: ConfigurationDirectory { ConfigurationDirectory(path: "\(path)/config") }
    /// The server id, one line.
    var serverIDFile: String { "\(path)/server-id" }
    var store: String { "\(path)/store" }
    /// The Unix socket of the client commands.
    var socket: String { "\(path)/agent.sock" }

    /// Longest path of a Unix socket in bytes, without its final zero.
    static let socketPathByteCountMax = 107

    /// This directory, if there is one.
    func existing() throws(AgentError) -> VarDirectory {
        guard unsafe access(path, F_OK) == 0 else { throw .notInitialised("\(path): there is no such directory") }
        return self
    }

    /// This member's server id.
    func serverID() throws(AgentError) -> ServerID {
        do {
            let text = try HostFile.text(at: serverIDFile)
            let line = String(text.prefix { $0 != "\n" })
            guard let id = ServerID(line) else { throw AgentError.notInitialised("\(serverIDFile) holds no server id") }
            return id
        } catch let error as AgentError {
            throw error
        } catch {
            throw .notInitialised("\(error)")
        }
    }
}
