// Whether a session needs a window manager of ours, and which.
package import OperatingSystem

/// What is known of desktops by their names.
package enum DesktopChoice {
    /// Commands that bring a window manager.
    private static let desktops: Set<String> = [
        "startxfce4", "xfce4-session", "gnome-session", "gnome-shell", "gnome-flashback", "startplasma-x11", "startkde",
        "plasma_session", "mate-session", "cinnamon-session", "cinnamon", "startlxde", "lxsession", "startlxqt",
        "lxqt-session", "budgie-desktop", "enlightenment_start", "openbox-session", "icewm-session", "startfluxbox",
        "i3",
        "awesome", "dwm", "xmonad", "bspwm", "fvwm3", "Xsession", "x-session-manager", "x-window-manager",
    ]
    /// Words that stand before the program that counts.
    private static let prefixes: Set<String> = [
        "exec", "env", "dbus-run-session", "dbus-launch", "nice", "nohup", "--",
    ]

    /// Whether a command is a desktop: its first word that is neither an assignment nor a prefix, or an option of one.
    package static func isDesktop(_ command: String) -> Bool {
        for word in command.split(whereSeparator: { $0.isWhitespace }) {
            let name = String(word.split(separator: "/").last ?? word)
            if prefixes.contains(name) || word.contains("=") || word.hasPrefix("-") { continue }
            return desktops.contains(name) || WindowManager(rawValue: name).map { $0 != .none } ?? false
        }
        return false
    }

    /// The program to start beside the command; `nil` for none.
    package static func windowManager(
        for start: SessionStart, path: String
    ) throws(SystemError) -> (program: String, arguments: [String])? {
        switch start.windowManager {
        case .some(.none):
            return nil
        case .some(let choice):
            if let found = ProgramPath.find(choice.rawValue, in: path) { return (found, choice.arguments) }
            throw .missingProgram(name: choice.rawValue, advice: "install it, or ask for another window manager")
        case nil:
            guard !isDesktop(start.command) else { return nil }
            for choice in WindowManager.allCases where choice != .none {
                if let found = ProgramPath.find(choice.rawValue, in: path) { return (found, choice.arguments) }
            }
            return nil
        }
    }
}
