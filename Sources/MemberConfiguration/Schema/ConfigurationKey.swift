// One key of a configuration file, declared once: for the reader, the writer, the documentation, and the lines of a change.
package import JSON

/// When a change of a key counts.
package enum TakingEffect: Sendable, Equatable {
    /// A running agent takes it up.
    case live
    /// It waits until the agent is started again.
    case atStart

    /// What is said of a change that waits.
    package static let nextStart = "takes effect at the next start"
}

/// One key of an object in a configuration file.
package struct ConfigurationKey<Part: ConfigurationPart>: Sendable {
    let name: String
    /// What the documentation says of its value: kind, unit and range.
    let type: String
    /// What the documentation says of its default, where that is not the value itself.
    let shownDefault: String?
    let meaning: String
    let effect: TakingEffect
    /// The keys of the object under this key, where it is a part of its own.
    var nested: [KeyDescription] = []
    let read: @Sendable (inout Part, inout ObjectReader) -> Void
    /// Nil: the key is left out.
    let write: @Sendable (Part) -> JSONValue?

    /// A key whose value has a form of its own. It keeps its default where `read` returns nil.
    static func value<Value>(
        _ name: String, _ path: any WritableKeyPath<Part, Value> & Sendable, type: String, default shown: String? = nil,
        _ meaning: String, _ effect: TakingEffect = .live,
        read: @escaping @Sendable (inout ObjectReader, String) -> Value?,
        write: @escaping @Sendable (Value) -> JSONValue?
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, type: type, shownDefault: shown, meaning: meaning, effect: effect,
            read: { part, reader in
                if let value = read(&reader, name) { part[keyPath: path] = value }
            },
            write: { write($0[keyPath: path]) })
    }

    /// A key that may be left out, and is then nothing.
    static func optional<Value>(
        _ name: String, _ path: any WritableKeyPath<Part, Value?> & Sendable, type: String,
        default shown: String? = nil, _ meaning: String, _ effect: TakingEffect = .live,
        read: @escaping @Sendable (inout ObjectReader, String) -> Value?,
        write: @escaping @Sendable (Value) -> JSONValue
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, type: type, shownDefault: shown, meaning: meaning, effect: effect,
            read: { $0[keyPath: path] = read(&$1, name) }, write: { $0[keyPath: path].map(write) })
    }

    static func boolean(
        _ name: String, _ path: any WritableKeyPath<Part, Bool> & Sendable, _ meaning: String,
        _ effect: TakingEffect = .live
    ) -> ConfigurationKey {
        value(
            name, path, type: "boolean", meaning, effect, read: { $0.optionalBoolean($1) }, write: { .bool($0) })
    }

    /// A whole number of `unit`, such as `seconds`.
    static func integer(
        _ name: String, _ path: any WritableKeyPath<Part, Int> & Sendable, in range: ClosedRange<Int>, unit: String,
        type: String? = nil, _ meaning: String, _ effect: TakingEffect = .live
    ) -> ConfigurationKey {
        value(
            name, path,
            type: type ?? "whole number of \(unit), \(range.lowerBound) to \(range.upperBound)", meaning, effect,
            read: { $0.optionalInteger($1, in: range, unit: unit) }, write: { .integer(Int64($0)) })
    }

    /// A text that `accept` takes; nil is the refusal.
    static func text(
        _ name: String, _ path: any WritableKeyPath<Part, String> & Sendable, type: String, allowed: String,
        _ meaning: String, _ effect: TakingEffect = .live, accept: @escaping @Sendable (String) -> String?
    ) -> ConfigurationKey {
        value(
            name, path, type: type, meaning, effect,
            read: { $0.string($1, allowed: allowed, accept: accept) }, write: { .string($0) })
    }

    /// An object whose keys are declared by themselves.
    static func part<Inner: ConfigurationPart>(
        _ name: String, _ path: any WritableKeyPath<Part, Inner> & Sendable,
        write: @escaping @Sendable (Inner) -> JSONValue? = { $0.toJSON() }
    ) -> ConfigurationKey {
        var key = value(
            name, path, type: "object", "", read: { reader, name in reader.object(name).map { Inner(reading: $0) } },
            write: write)
        key.nested = Inner.descriptions.map { $0.below(name) }
        return key
    }
}

/// What is known of a key besides how to read it.
package struct KeyDescription: Sendable, Equatable {
    /// Its names from the top of the file.
    let path: [String]
    let type: String
    let shownDefault: String
    let meaning: String
    /// When a change of it counts.
    package let effect: TakingEffect

    /// The same key in the file that holds this part under a name.
    func below(_ name: String) -> KeyDescription {
        KeyDescription(
            path: [name] + path, type: type, shownDefault: shownDefault, meaning: meaning, effect: effect)
    }

    /// As messages name it: `limits.idleSeconds`.
    package var place: JSONPlace { path.reduce(.root) { $0.key($1) } }

    /// Its value in the content of the file.
    func value(in content: JSONValue) -> JSONValue? {
        path.reduce(content) { $0?[$1] }
    }

    /// Its line of the table in `docs/configuration.md`.
    package var row: String {
        let wait = effect == .atStart ? " A change \(TakingEffect.nextStart)." : ""
        return "| `\(place)` | \(type) | \(shownDefault) | \(meaning)\(wait) |"
    }
}
