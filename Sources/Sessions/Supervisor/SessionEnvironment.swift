// The environment of a session's programs: what is listed here, and nothing else.
import Glibc
import OperatingSystem

/// Environments as dictionaries.
enum SessionEnvironment {
    /// Kept from the steward's own environment. Variables of the login that it came from, such as `SSH_TTY` or
    /// `XDG_SESSION_ID`, would be wrong in a session that outlives it.
    private static let kept: Set<String> = [
        "LANG", "LANGUAGE", "TZ", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
        "XDG_STATE_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS",
    ]

    /// The variable by which a session's processes are found when their supervisor is gone.
    static let idName = "FASTX_SESSION_ID"

    /// What a user's programs need whatever they are.
    static func base(user: UnixUser, from own: [String: String]) -> [String: String] {
        var result = own.filter { kept.contains($0.key) || $0.key.hasPrefix("LC_") }
        if result["XDG_RUNTIME_DIR"] == nil {
            // sudo does not set it; desktops want it.
            let directory = "/run/user/\(user.uid)"
            if (try? PrivateDirectory.check(directory)) != nil { result["XDG_RUNTIME_DIR"] = directory }
        }
        result["HOME"] = user.home
        result["USER"] = user.name
        result["LOGNAME"] = user.name
        result["SHELL"] = shell(of: user)
        result["PATH"] = own["PATH"].flatMap { $0.isEmpty ? nil : $0 } ?? ProgramPath.standard
        return result
    }

    /// For the display server.
    static func server(_ base: [String: String], plan: SessionPlan) -> [String: String] {
        base.merging([idName: plan.id]) { $1 }
    }

    /// For the window manager and the command.
    static func client(
        _ base: [String: String], plan: SessionPlan, display: String, authorityFile: String
    ) -> [String: String] {
        var result = server(base, plan: plan)
        result["DISPLAY"] = display
        result["XAUTHORITY"] = authorityFile
        result["XDG_SESSION_TYPE"] = "x11"
        for (name, value) in plan.start.params { result["FASTX_PARAM_" + name] = value }
        return result
    }

    /// The user's shell if it can be run, else `/bin/sh`.
    static func shell(of user: UnixUser) -> String {
        guard user.shell.hasPrefix("/"), unsafe access(user.shell, X_OK) == 0 else { return "/bin/sh" }
        return user.shell
    }
}
