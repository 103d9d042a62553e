// Checks that no other user can read or change the configuration, and that the files it names are there.

private import Glibc
import JSON
import OperatingSystem

extension ConfigurationDirectory {
    /// The loosest permitted mode of the directory.
    static let directoryModeMax: UInt32 = 0o700

    /// The loosest permitted mode of a file.
    static let fileModeMax: UInt32 = 0o600

    /// What would let another user in: the directory, and every regular file in it. Empty when all is well.
    ///
    /// A symbolic link counts as the file it leads to.
    package func checkModes() -> [ConfigurationError] {
        var errors = check(path, shownAs: "config", modeMax: Self.directoryModeMax)
        let names: [String]
        do {
            names = try PrivateDirectory.names(in: path)
        } catch {
            // A directory that is missing or closed was reported by the first check, unless only reading is denied.
            return errors.isEmpty ? [Self.systemError(error, file: "config")] : errors
        }
        for name in names {
            errors += check("\(path)/\(name)", shownAs: "config/\(name)", modeMax: Self.fileModeMax, filesOnly: true)
        }
        return errors
    }

    /// The files that the configuration names and that cannot be read.
    package func checkReferencedFiles(_ configuration: Configuration) -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        func check(_ path: String, _ file: String, _ keyPath: JSONPlace) {
            do {
                let descriptor = try OwnedDescriptor.openForReading(resolve(path))
                if try FileStatus(of: descriptor, path: path).isRegularFile { return }
                errors.append(ConfigurationError(file: file, place: keyPath, problem: .notARegularFile))
            } catch {
                let operation = "\(error.operation) \(ShownText.quoted(resolve(path)))"
                let problem = ConfigurationError.Problem.system(operation: operation, reason: error.reason)
                errors.append(ConfigurationError(file: file, place: keyPath, problem: problem))
            }
        }
        let web = WebConfiguration.displayName
        check(configuration.web.certificate, web, .root.key("certificate"))
        check(configuration.web.key, web, .root.key("key"))
        for (index, connection) in configuration.cluster.usedConnections.enumerated() {
            let options = connection.options
            let place = JSONPlace.root.key("databaseConnections").index(index).key("options")
            let sources =
                options.ca.map { ("ca", $0) }
                + [("cert", options.cert), ("key", options.key)].compactMap { pair in
                    pair.1.map { (pair.0, $0) }
                }
            for case (let key, .file(let path)) in sources {
                check(path, ClusterConfiguration.displayName, place.key(key))
            }
        }
        return errors
    }

    private func check(
        _ path: String, shownAs name: String, modeMax: UInt32, filesOnly: Bool = false
    ) -> [ConfigurationError] {
        let status: FileStatus
        do {
            status = try FileStatus(path: path)
        } catch {
            // A file may go away between being listed and being looked at: a temporary one was renamed.
            if filesOnly, error.isNoSuchFile { return [] }
            if error.isNoSuchFile { return [ConfigurationError(file: name, problem: .fileMissing)] }
            return [Self.systemError(error, file: name)]
        }
        guard !filesOnly || status.isRegularFile else { return [] }
        var errors: [ConfigurationError] = []
        let user = geteuid()
        let shellPath = ShellText.word(path)
        if status.owner != user {
            let command = "chown \(user) \(shellPath)"
            errors.append(
                ConfigurationError(
                    file: name, problem: .foreignOwner(owner: status.owner, user: user, command: command)))
        }
        if status.mode & ~modeMax & 0o777 != 0 {
            let allowed = Self.octal(modeMax)
            let problem = ConfigurationError.Problem.looseMode(
                mode: Self.octal(status.mode), allowed: allowed, command: "chmod \(allowed) \(shellPath)")
            errors.append(ConfigurationError(file: name, problem: problem))
        }
        return errors
    }

    private static func octal(_ mode: UInt32) -> String {
        "0" + String(mode & 0o777, radix: 8)
    }
}
