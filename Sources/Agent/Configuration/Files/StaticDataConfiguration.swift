// static-data.json: a JSON object of the administrator's own, sent with every server update.
import JSON

/// Data about this member that scripts read, such as `{"gpu": true}`.
struct StaticDataConfiguration: Sendable, Equatable {
    /// Each server update carries the object to every member, so it has a limit: bytes of its canonical text.
    static let byteCountMax = 64 * 1024

    var object: [String: JSONValue] = [:]
}

extension StaticDataConfiguration: ConfigurationFile {
    static let fileName = "static-data.json"
    static let part: any WritableKeyPath<Configuration, StaticDataConfiguration> & Sendable = \.staticData
    static let descriptions: [KeyDescription] = []

    init(from reader: inout ObjectReader) {
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

    func toJSON() -> JSONValue {
        .object(object)
    }
}
