// The lock on the configuration files: one writer at a time, whichever process it is in.
import OperatingSystem

/// Held while a file is changed, from before it is read until it is written.
///
/// Its file is beside the directory and not in it: what happens in there is taken for a change of the configuration.
package struct ConfigurationLock {
    private let lock: FileLock

    /// Far longer than a change takes, unless its process was stopped.
    static let waitMax: Duration = .seconds(10)
    private static let retryInterval: Duration = .milliseconds(10)

    /// Takes the lock once nobody else has it.
    package static func take(_ directory: ConfigurationDirectory, within limit: Duration = waitMax) async throws
        -> ConfigurationLock
    {
        let path = directory.lockFile
        do throws(SystemError) {
            // What root makes here is the member's, so that the agent can open it.
            try FileModes.writePrivateFile(path, bytes: [])
        } catch {
            guard case .alreadyExists = error else {
                throw ConfigurationErrors(ConfigurationDirectory.lockError(error))
            }
        }
        let began = ContinuousClock.now
        while true {
            do throws(SystemError) {
                if let lock = try FileLock.take(path) { return ConfigurationLock(lock: lock) }
            } catch {
                throw ConfigurationErrors(ConfigurationDirectory.lockError(error))
            }
            guard ContinuousClock.now - began < limit else { throw ConfigurationRefusal.locked(path: path) }
            // Nothing tells that a lock is free, except to a thread that is blocked for it.
            try await Task.sleep(for: retryInterval)
        }
    }
}

extension ConfigurationDirectory {
    /// Beside the directory: `config.lock`.
    package var lockFile: String { "\(path).lock" }

    fileprivate static func lockError(_ error: SystemError) -> ConfigurationError {
        ConfigurationError(file: "config.lock", problem: .system(operation: "lock it", reason: error.description))
    }
}
