// Where a user's steward and sessions keep their files, and where displays listen.
import Glibc
import OperatingSystem
import Replica

/// Directories of one user and one server id.
struct UserDirectories: Sendable {
    /// `<state>/<server id>`: a home directory may be shared by hosts, each with a server id of its own.
    let state: String
    /// For the sockets of displays, whose paths have to be short.
    let sockets: String

    var lockFile: String { state + "/link.lock" }
    var logFile: String { state + "/link.log" }

    /// Chooses and makes them.
    ///
    /// - Parameter environment: The steward's own.
    init(user: UnixUser, serverID: ServerID, environment: [String: String]) throws(SystemError) {
        let base = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(user.home)/.local/state"
        state = "\(base)/fastx/\(serverID)"
        try PrivateDirectory.makeAll(state)
        sockets = try Self.makeSocketDirectory(user, environment)
    }

    /// `$XDG_RUNTIME_DIR/fastx` where it is sure to stay: it goes with the user's last login unless the user lingers,
    /// and a session has to outlive logins. Else a directory in /tmp, which no other user can enter.
    private static func makeSocketDirectory(
        _ user: UnixUser, _ environment: [String: String]
    ) throws(SystemError) -> String {
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/"), Systemd.lingers(user),
            (try? PrivateDirectory.check(runtime)) != nil
        {
            let directory = runtime + "/fastx"
            try PrivateDirectory.make(directory)
            return directory
        }
        let directory = "/tmp/.fastx-\(user.uid)"
        try PrivateDirectory.make(directory)
        return directory
    }

    func session(_ id: String) -> SessionDirectory { SessionDirectory(path: state + "/" + id) }

    /// A socket's path names no session: paths of sockets are visible to every user.
    func newDisplaySocket() -> String { sockets + "/" + RandomText.make(byteCount: 8) }

    /// The sessions that have left something here.
    func sessionIDs() throws(SystemError) -> [String] {
        try PrivateDirectory.names(in: state).filter(SessionID.isValid)
    }
}

/// What the host's systemd says of a user.
enum Systemd {
    /// Whether the user's services go on without a login. Only then may a process be put below the user's service
    /// manager, which otherwise ends it with the last login.
    static func lingers(_ user: UnixUser) -> Bool {
        unsafe access("/var/lib/systemd/linger/" + user.name, F_OK) == 0
    }

    /// The arguments that run a program in a scope of its own, which no restart of the agent and no end of a login
    /// reaches; `nil` where there is no such thing.
    static func scopeCommand(user: UnixUser, environment: [String: String]) -> (program: String, arguments: [String])? {
        guard unsafe access("/run/systemd/system", F_OK) == 0, environment["XDG_RUNTIME_DIR"] != nil, lingers(user),
            let program = ProgramPath.find("systemd-run", in: environment["PATH"] ?? ProgramPath.standard)
        else { return nil }
        return (program, ["--user", "--scope", "--quiet", "--collect", "--"])
    }
}
