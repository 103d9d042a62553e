// Messages to JSON and back, with this module's errors.
import FoundationEssentials
package import OperatingSystem

/// One document for each value; names of members are sorted, so that equal values are equal bytes.
package enum MessageCoding {
    /// As UTF-8, without a line break.
    package static func encode(_ value: some Encodable) throws(SystemError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw .malformed(subject: "\(type(of: value))", detail: "\(error)")
        }
    }

    /// Members that the type does not know are passed over, as a later version may send them.
    ///
    /// - Throws: `SystemError.malformed`; what it tells of the text is cut at 300 characters.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(SystemError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .malformed(subject: "\(type)", detail: String("\(error)".prefix(300)))
        }
    }
}
