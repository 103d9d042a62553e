// The configuration directory: loads all files, writes each one atomically.
import Glibc
package import JSON
import OperatingSystem

/// The directory that holds the configuration files of one member.
package struct ConfigurationDirectory: Sendable, Equatable {
    /// No file of a sensible configuration comes near this.
    package static let fileByteCountMax = 1024 * 1024

    /// Absolute.
    package let path: String

    /// Looks at nothing yet.
    package init(path: String) { self.path = path }

    /// Reads all files. A missing file means its defaults, unless the agent cannot run without it.
    ///
    /// The errors are those of all files together.
    package func load() throws(ConfigurationErrors) -> (Configuration, [JSONWarning]) {
        var errors: [ConfigurationError] = []
        var omittedCount = 0
        var warnings: [JSONWarning] = []
        func content<File: ConfigurationFile>(_: File.Type) -> File {
            do {
                let (content, fileWarnings) = try load(File.self)
                warnings += fileWarnings
                return content
            } catch {
                errors += error.all
                omittedCount += error.omittedCount
                return File()
            }
        }
        var configuration = Configuration()
        configuration.cluster = content(ClusterConfiguration.self)
        configuration.settings = content(SettingsConfiguration.self)
        configuration.staticData = content(StaticDataConfiguration.self)
        configuration.debug = content(DebugConfiguration.self)
        configuration.web = content(WebConfiguration.self)
        let (metrics, metricWarnings) = localMetrics()
        configuration.localMetrics = metrics
        warnings += metricWarnings
        if let all = ConfigurationErrors(errors, omittedCount: omittedCount) { throw all }
        return (configuration, warnings)
    }

    /// Reads one file.
    package func load<File: ConfigurationFile>(
        _: File.Type
    ) throws(ConfigurationErrors) -> (content: File, warnings: [JSONWarning]) {
        guard let bytes = try readBytes(of: File.self) else { return (File(), []) }
        return try File.parse(bytes)
    }

    /// The version of one file.
    package func version<File: ConfigurationFile>(of _: File.Type) throws(ConfigurationErrors) -> ConfigurationVersion {
        try readBytes(of: File.self, isRequired: false).map { ConfigurationVersion(of: $0) } ?? .absent
    }

    /// Reads one file together with the version that was read.
    package func loadVersioned<File: ConfigurationFile>(
        _: File.Type
    ) throws(ConfigurationErrors) -> (content: File, version: ConfigurationVersion) {
        guard let bytes = try readBytes(of: File.self) else { return (File(), .absent) }
        return (try File.parse(bytes).content, ConfigurationVersion(of: bytes))
    }

    /// Writes one file in one step, mode 0600.
    package func write<File: ConfigurationFile>(_ content: File) throws(ConfigurationErrors) {
        do {
            try FileModes.writePrivateFile(
                "\(path)/\(File.fileName)", bytes: content.text, overwriting: true)
        } catch {
            throw ConfigurationErrors(
                ConfigurationError(
                    file: File.displayName, problem: .system(operation: "write it", reason: error.description)))
        }
    }

    /// Writes all five files, each in one step.
    package func write(_ configuration: Configuration) throws(ConfigurationErrors) {
        try write(configuration.settings)
        try write(configuration.staticData)
        try write(configuration.debug)
        // The two without which the agent does not start come last, so that an `init` that was cut short shows.
        try write(configuration.web)
        try write(configuration.cluster)
    }

    /// The path of a file that a configuration file names: absolute, or relative to this directory.
    package func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(self.path)/\(path)"
    }

    /// Nil when the file is missing and may be.
    private func readBytes<File: ConfigurationFile>(
        of _: File.Type, isRequired: Bool = File.isRequired
    ) throws(ConfigurationErrors) -> [UInt8]? {
        if let bytes = try readBytes("\(path)/\(File.fileName)", shownAs: File.displayName) { return bytes }
        if isRequired { throw ConfigurationErrors(ConfigurationError(file: File.displayName, problem: .fileMissing)) }
        return nil
    }

    /// Nil when the file is missing.
    func readBytes(_ path: String, shownAs name: String) throws(ConfigurationErrors) -> [UInt8]? {
        let failure = { (problem: ConfigurationError.Problem) in
            ConfigurationErrors(ConfigurationError(file: name, problem: problem))
        }
        var bytes: [UInt8] = []
        var isRegularFile = false
        do {
            let file = try OwnedDescriptor.openForReading(path)
            isRegularFile = try FileStatus(of: file, path: path).isRegularFile
            if isRegularFile { bytes = try file.readAll(byteCountMax: Self.fileByteCountMax + 1) }
        } catch {
            if error.isNoSuchFile { return nil }
            throw ConfigurationErrors(Self.systemError(error, file: name))
        }
        guard isRegularFile else { throw failure(.notARegularFile) }
        guard bytes.count <= Self.fileByteCountMax else {
            throw failure(.fileTooLarge(byteCountMax: Self.fileByteCountMax))
        }
        return bytes
    }

    static func systemError(_ error: SystemError, file: String) -> ConfigurationError {
        ConfigurationError(file: file, problem: .system(operation: "\(error.operation) it", reason: error.reason))
    }
}

extension SystemError {
    var isNoSuchFile: Bool {
        if case .call(_, _, ENOENT) = self { true } else { false }
    }

    /// What was tried, for a sentence that begins with "cannot".
    var operation: String {
        switch self {
        case .call("stat", _, _), .call("fstat", _, _): "examine"
        case .call("opendir", _, _): "list"
        case .call(let name, _, _): name
        default: "use"
        }
    }

    var reason: String {
        if case .call(_, _, let code) = self { SystemText.reason(code) } else { "\(self)" }
    }
}

extension OwnedDescriptor {
    /// Opens a file for reading. A pipe or device is opened without waiting, so that its status can be read.
    static func openForReading(_ path: String) throws(SystemError) -> OwnedDescriptor {
        try open(path, O_RDONLY | O_NONBLOCK)
    }
}
