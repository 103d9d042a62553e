// Reads and writes settings.json.
import Directory
import JSON

extension SettingsConfiguration: ConfigurationFile {
    static let fileName = "settings.json"

    init(from reader: inout ObjectReader) {
        self.init()
        loginsEnabled = reader.boolean("loginsEnabled", default: loginsEnabled)
        sessionsEnabled = reader.boolean("sessionsEnabled", default: sessionsEnabled)
        forceIndirect = reader.boolean("forceIndirect", default: forceIndirect)
        updateIntervalSeconds = reader.integer(
            "updateIntervalSeconds", in: SettingsLimits.updateIntervalSeconds, unit: "seconds",
            default: updateIntervalSeconds)
        storeMapGiB = reader.integer(
            "storeMapGiB", in: SettingsLimits.storeMapGiB, unit: "GiB", default: storeMapGiB)
        reconcileIntervalSeconds = reader.integer(
            "reconcileIntervalSeconds", in: SettingsLimits.reconcileIntervalSeconds, unit: "seconds",
            default: reconcileIntervalSeconds)
        urls = Self.readURLs(&reader)
        runtimeDirectory =
            reader.string("runtimeDirectory", allowed: "a directory's absolute path, of at most 80 bytes, or \"\"") {
                path in
                path.isEmpty || (path.hasPrefix("/") && path.utf8.count <= 80) ? path : nil
            } ?? runtimeDirectory
        if var part = reader.object("logins") { logins = LoginConfiguration(from: &part) }
        if var part = reader.object("sessions") { sessions = SessionConfiguration(from: &part) }
        reader.finish()
    }

    func toJSON() -> JSONValue {
        [
            "runtimeDirectory": .string(runtimeDirectory),
            "loginsEnabled": .bool(loginsEnabled),
            "sessionsEnabled": .bool(sessionsEnabled),
            "forceIndirect": .bool(forceIndirect),
            "updateIntervalSeconds": .integer(Int64(updateIntervalSeconds)),
            "storeMapGiB": .integer(Int64(storeMapGiB)),
            "urls": .array(urls.map { .string($0) }),
            "reconcileIntervalSeconds": .integer(Int64(reconcileIntervalSeconds)),
            "logins": logins.toJSON(),
            "sessions": sessions.toJSON(),
        ]
    }

    private static func readURLs(_ reader: inout ObjectReader) -> [String] {
        var seen: [String: JSONPlace] = [:]
        var urls: [String] = []
        for (place, value) in reader.elements("urls", countMax: SettingsLimits.urlCountMax, of: "URLs") {
            guard let url = MemberURL.read(value, at: place, log: reader.log) else { continue }
            if let first = seen.updateValue(place, forKey: url.text) {
                reader.log.report(.contradiction("\(url.text) is the same URL as \(first); remove one"), at: place)
                continue
            }
            urls.append(url.text)
        }
        return urls
    }
}
