// The command line of a session's display: Xvnc, reachable through one Unix socket and by its cookie only.
import OperatingSystem

/// Which program serves displays, and how it is called.
enum DisplayServer {
    /// The descriptor on which Xvnc tells its display's number.
    static let readyDescriptor = 3

    /// The program's path.
    static func find(in path: String) throws(SystemError) -> String {
        for name in ["Xvnc", "Xtigervnc"] {
            if let found = ProgramPath.find(name, in: path + ":" + ProgramPath.standard) { return found }
        }
        throw .missingProgram(
            name: "Xvnc",
            advice: "install TigerVNC (Debian: tigervnc-standalone-server, Fedora: tigervnc-server-minimal)")
    }

    /// No TCP of either protocol; no password either, since the socket lies in a directory of the user's own.
    static func arguments(_ plan: SessionPlan, authorityFile: String) -> [String] {
        [
            "-rfbunixpath", plan.displaySocket, "-rfbunixmode", "0600", "-rfbport", "-1", "-SecurityTypes", "None",
            "-nolisten", "tcp", "-localhost", "-auth", authorityFile, "-geometry", plan.start.geometry.description,
            "-depth", "24", "-displayfd", String(readyDescriptor), "-AlwaysShared", "-AcceptSetDesktopSize=1",
            // Without it the display would forget its windows when the last client leaves between two programs.
            "-noreset",
            // Arguments are seen by every user of the host, so the session is not named here.
            "-desktop", "FastX",
            // Errors, and no statistics of each viewer.
            "-Log", "*:stderr:10",
        ]
    }
}
