// URLs of members in configuration files.
import Directory
import JSON

extension MemberURL {
    /// Reads a value of a file, and reports why it is refused.
    static func read(_ value: JSONValue, at place: JSONPlace, log: MistakeLog) -> MemberURL? {
        guard case .string(let text) = value else {
            log.report(.notAllowed(found: ShownText.value(value), allowed: allowed), at: place)
            return nil
        }
        do {
            return try MemberURL(text)
        } catch {
            let found = ShownText.value(value)
            log.report(.refused(found: found, reason: error.description, allowed: allowed), at: place)
            return nil
        }
    }
}
