// The typed reader over a JSON object: keeps the key path, checks types and ranges, finds unknown keys.

/// Reads the keys of one object. Every mistake goes to the log, and reading goes on with the default.
///
/// Each key is asked for once, whether present or not; `finish` then refuses every key that nobody asked for.
package struct ObjectReader {
    /// Where the object is in the text; its keys are named from there.
    package let place: JSONPlace
    /// Where mistakes go, those of objects within this one too.
    package let log: MistakeLog

    private let members: [String: JSONValue]
    private var knownKeys: [String] = []

    /// Reports a value that is not an object, and reads an empty one in its place.
    package init(_ value: JSONValue, at place: JSONPlace = .root, log: MistakeLog, isSecret: Bool = false) {
        self.place = place
        self.log = log
        if case .object(let members) = value {
            self.members = members
        } else {
            self.members = [:]
            log.report(
                .notAllowed(found: ShownText.value(value, isSecret: isSecret), allowed: "an object"), at: place)
        }
    }

    /// The value of a key, which is known from now on.
    package mutating func value(_ key: String) -> JSONValue? {
        knownKeys.append(key)
        return members[key]
    }

    /// All keys and values; every key is known from now on.
    package mutating func takeAll() -> [String: JSONValue] {
        knownKeys.append(contentsOf: members.keys)
        return members
    }

    /// Whether a key is present.
    package func has(_ key: String) -> Bool { members[key] != nil }

    /// A reader of the object under a key, or nil where there is none.
    package mutating func object(_ key: String) -> ObjectReader? {
        value(key).map { ObjectReader($0, at: place.key(key), log: log) }
    }

    /// Reports a value that is not allowed under a key. Does not make the key known.
    ///
    /// - Parameters:
    ///   - allowed: What would be, as the end of the message.
    ///   - isSecret: Whether the value itself must not be shown.
    package func reject(_ key: String, _ value: JSONValue, allowed: String, isSecret: Bool = false) {
        let found = ShownText.value(value, isSecret: isSecret)
        log.report(.notAllowed(found: found, allowed: allowed), at: place.key(key))
    }

    // MARK: Scalars

    /// Nil where the key is absent, or where its value is no boolean, which is reported.
    package mutating func optionalBoolean(_ key: String) -> Bool? {
        switch value(key) {
        case nil: return nil
        case .bool(let flag)?: return flag
        case let other?:
            reject(key, other, allowed: "true, false")
            return nil
        }
    }

    /// The default where the key is absent, or where its value is no boolean, which is reported.
    package mutating func boolean(_ key: String, default fallback: Bool) -> Bool {
        optionalBoolean(key) ?? fallback
    }

    /// A whole number of `unit`, such as `milliseconds`.
    package mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>, unit: String) -> Int? {
        guard let found = value(key) else { return nil }
        if case .integer(let integer) = found, let number = Int(exactly: integer), range.contains(number) {
            return number
        }
        reject(key, found, allowed: "a whole number of \(unit), \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// A whole number of `unit`; the default where the key is absent, or where its value is none in range, which is
    /// reported.
    package mutating func integer(_ key: String, in range: ClosedRange<Int>, unit: String, default fallback: Int) -> Int
    {
        optionalInteger(key, in: range, unit: unit) ?? fallback
    }

    /// A string for which `accept` returns a value; nil is the refusal.
    package mutating func string<Result>(
        _ key: String, allowed: String, isRequired: Bool = false, isSecret: Bool = false, accept: (String) -> Result?
    ) -> Result? {
        guard let found = value(key) else {
            if isRequired { log.report(.missing(allowed: allowed), at: place.key(key)) }
            return nil
        }
        if case .string(let text) = found, let result = accept(text) { return result }
        reject(key, found, allowed: allowed, isSecret: isSecret)
        return nil
    }

    // MARK: Lists

    /// The elements of a list with their places; an absent key is an empty list.
    package mutating func elements(
        _ key: String, countMax: Int, of kind: String, isSecret: Bool = false
    ) -> [(place: JSONPlace, value: JSONValue)] {
        guard let found = value(key) else { return [] }
        guard case .array(let list) = found else {
            reject(key, found, allowed: "a list of \(kind)", isSecret: isSecret)
            return []
        }
        let place = self.place.key(key)
        if list.count > countMax {
            log.report(
                .notAllowed(found: "a list of \(list.count)", allowed: "at most \(countMax) \(kind)"), at: place)
        }
        return list.prefix(countMax).enumerated().map { (place.index($0.offset), $0.element) }
    }

    /// A list of strings for each of which `accept` returns a value.
    package mutating func strings<Result>(
        _ key: String, countMax: Int, of kind: String, allowed: String, accept: (String) -> Result?
    ) -> [Result] {
        var results: [Result] = []
        for (place, value) in elements(key, countMax: countMax, of: kind) {
            if case .string(let text) = value, let result = accept(text) {
                results.append(result)
            } else {
                log.report(.notAllowed(found: ShownText.value(value), allowed: allowed), at: place)
            }
        }
        return results
    }

    // MARK: Unknown keys

    /// Refuses every key that was not asked for; `unsupported` ones with a message of their own, for which `kind` says whose
    /// they are.
    package func finish(unsupported: Set<String> = [], kind: String = "") {
        let unknown = Set(members.keys).subtracting(knownKeys)
        for key in unknown.sorted() {
            if unsupported.contains(key) {
                log.report(.unsupported(name: key, kind: kind), at: place.key(key))
                continue
            }
            let suggestion = Suggestion.nearest(to: key, among: knownKeys)
            log.report(
                .unknownKey(name: ShownText.keyName(key), known: knownKeys, suggestion: suggestion),
                at: place.key(key))
        }
    }
}
