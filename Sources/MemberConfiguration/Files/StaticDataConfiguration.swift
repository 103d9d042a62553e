// static-data.json: a JSON object of the administrator's own, sent with every server update.
package import JSON

/// Data about this member that scripts read, such as `{"gpu": true}`.
package struct StaticDataConfiguration: Sendable, Equatable {
    /// Each server update carries the object to every member, so it has a limit: bytes of its canonical text.
    package static let byteCountMax = 64 * 1024

    /// The members of the object, under the administrator's own names.
    package var object: [String: JSONValue] = [:]

    /// An empty object.
    package init() {}
}

extension StaticDataConfiguration: ConfigurationFile {
    package static let fileName = "static-data.json"
    package static let part: any WritableKeyPath<Configuration, StaticDataConfiguration> & Sendable = \.staticData
    /// None: the keys are the administrator's own.
    package static let descriptions: [KeyDescription] = []

    /// Takes every key as it is; an object over the limit is reported.
    package init(from reader: inout ObjectReader) {
        object = reader.takeAll()
        let byteCount = JSONValue.object(object).canonicalText.utf8.count
        if byteCount > Self.byteCountMax {
            reader.log.report(
                .notAllowed(
                    found: "an object of \(byteCount) bytes",
                    allowed: "at most \(Self.byteCountMax) bytes (as compact JSON)"),
                at: reader.place)
        }
    }

    package func toJSON() -> JSONValue {
        .object(object)
    }
}
