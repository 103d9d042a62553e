// One value of the cluster's configuration, read from its bytes in the map.
import JSON

/// What one name stands for.
package enum GlobalValue: Sendable, Equatable {
    /// The JavaScript text of a script or a metric.
    case text(String)
    /// The chains of scripts.
    case placement(PlacementConfiguration)

    /// Reads a value by itself. Whether scripts are there that it names is for the whole configuration to say.
    package static func parse(
        _ bytes: [UInt8], of name: GlobalName
    ) throws(ConfigurationErrors) -> GlobalValue {
        switch name {
        case .script, .metric: .text(try text(bytes, named: name.description))
        case .placement: .placement(try placement(bytes))
        }
    }

    /// Reads the text of a script or a metric.
    ///
    /// - Parameter document: What messages call it.
    static func text(_ bytes: [UInt8], named document: String) throws(ConfigurationErrors) -> String {
        let max = GlobalLimits.textByteCountMax
        let allowed = "JavaScript text in UTF-8 of 1 to \(max) bytes, not blanks alone"
        guard bytes.count <= max else {
            throw mistake("a text of \(bytes.count) bytes", allowed: allowed, in: document)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw mistake("a text that is not UTF-8", allowed: allowed, in: document)
        }
        if let position = bytes.firstIndex(of: 0) {
            throw mistake("a zero byte at byte \(position + 1)", allowed: allowed, in: document)
        }
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw mistake("an empty text", allowed: allowed, in: document)
        }
        return text
    }

    private static func mistake(
        _ found: String, allowed: String, in document: String
    ) -> ConfigurationErrors {
        ConfigurationErrors(
            ConfigurationError(file: document, problem: .content(.notAllowed(found: found, allowed: allowed))))
    }

    private static func placement(_ bytes: [UInt8]) throws(ConfigurationErrors) -> PlacementConfiguration {
        let document = GlobalName.placement.description
        guard bytes.count <= GlobalLimits.textByteCountMax else {
            throw ConfigurationErrors(
                ConfigurationError(
                    file: document, problem: .fileTooLarge(byteCountMax: GlobalLimits.textByteCountMax)))
        }
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            throw ConfigurationErrors(ConfigurationError(file: document, problem: .malformed(error)))
        }
        let log = MistakeLog(document)
        let placement = PlacementConfiguration(reading: ObjectReader(value, log: log))
        if let errors = ConfigurationErrors(log.errors.map(ConfigurationError.init), omittedCount: log.omittedCount) {
            throw errors
        }
        return placement
    }
}
