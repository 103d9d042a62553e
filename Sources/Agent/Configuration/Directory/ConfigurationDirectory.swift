// The configuration directory: loads all files, writes each one atomically.

/// The directory that holds the configuration files of one member.
struct ConfigurationDirectory: Sendable, Equatable {
    /// No file of a sensible configuration comes near this.
    static let fileByteCountMax = 1024 * 1024

    let path: String

    /// Reads all files. A missing file means its defaults, unless the agent cannot run without it.
    ///
    /// The errors are those of all files together.
    func load() throws(ConfigurationErrors) -> (Configuration, [ConfigurationWarning]) {
        var errors: [ConfigurationError] = []
        var omittedCount = 0
        var warnings: [ConfigurationWarning] = []
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
        let configuration = Configuration(
            cluster: content(ClusterConfiguration.self),
            settings: content(SettingsConfiguration.self),
            staticData: content(StaticDataConfiguration.self),
            debug: content(DebugConfiguration.self),
            web: content(WebConfiguration.self))
        if let all = ConfigurationErrors(errors, omittedCount: omittedCount) { throw all }
        return (configuration, warnings)
    }

    /// Reads one file.
    func load<File: ConfigurationFile>(
        _: File.Type
    ) throws(ConfigurationErrors) -> (content: File, warnings: [ConfigurationWarning]) {
        guard let bytes = try readBytes(of: File.self) else { return (File(), []) }
        return try File.parse(bytes)
    }

    /// Writes one file in one step, mode 0600.
    func write<File: ConfigurationFile>(_ content: File) throws(ConfigurationErrors) {
        do {
            try FileModes.writePrivateFile(
                "\(path)/\(File.fileName)", bytes: Array(content.toJSON().prettyText.utf8), overwriting: true)
        } catch {
            throw ConfigurationErrors(
                ConfigurationError(
                    file: File.displayName, problem: .system(operation: "write it", reason: error.description)))
        }
    }

    /// Writes all five files, each in one step.
    func write(_ configuration: Configuration) throws(ConfigurationErrors) {
        try write(configuration.settings)
        try write(configuration.staticData)
        try write(configuration.debug)
        // The two without which the agent does not start come last, so that an `init` that was cut short shows.
        try write(configuration.web)
        try write(configuration.cluster)
    }

    /// The path of a file that a configuration file names: absolute, or relative to this directory.
    func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(self.path)/\(path)"
    }

    /// Nil when the file is missing and may be.
    private func readBytes<File: ConfigurationFile>(of _: File.Type) throws(ConfigurationErrors) -> [UInt8]? {
        let failure = { (problem: ConfigurationError.Problem) in
            ConfigurationErrors(ConfigurationError(file: File.displayName, problem: problem))
        }
        var bytes: [UInt8] = []
        var isRegularFile = false
        do {
            let file = try OwnedDescriptor.openForReading("\(path)/\(File.fileName)")
            isRegularFile = try file.status().isRegularFile
            if isRegularFile { bytes = try file.read(byteCountMax: Self.fileByteCountMax + 1) }
        } catch {
            if error.isNoSuchFile, !File.isRequired { return nil }
            if error.isNoSuchFile { throw failure(.fileMissing) }
            throw ConfigurationErrors(Self.systemError(error, file: File.displayName, operation: error.operation))
        }
        guard isRegularFile else { throw failure(.notARegularFile) }
        guard bytes.count <= Self.fileByteCountMax else {
            throw failure(.fileTooLarge(byteCountMax: Self.fileByteCountMax))
        }
        return bytes
    }

    static func systemError(_ error: SystemCallError, file: String, operation: String) -> ConfigurationError {
        ConfigurationError(file: file, problem: .system(operation: "\(operation) it", reason: error.reason))
    }
}
