// Collects the mistakes and warnings while one file is read.

/// The mistakes of one file, in the order in which they were found.
final class MistakeLog {
    /// Further mistakes are counted and not listed.
    static let errorCountMax = 100

    let file: String
    private(set) var errors: [ConfigurationError] = []
    private(set) var warnings: [ConfigurationWarning] = []
    private(set) var omittedCount = 0

    init(file: String) {
        self.file = file
    }

    func report(_ problem: ConfigurationError.Problem, at keyPath: ConfigurationKeyPath) {
        guard errors.count < Self.errorCountMax else {
            omittedCount += 1
            return
        }
        errors.append(ConfigurationError(file: file, keyPath: keyPath, problem: problem))
    }

    func warn(_ message: String, at keyPath: ConfigurationKeyPath) {
        warnings.append(ConfigurationWarning(file: file, keyPath: keyPath, message: message))
    }
}
