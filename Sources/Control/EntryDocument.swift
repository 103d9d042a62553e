// Entries as JSON: one line of a dump, and the fuller form of `get`.
import Directory
package import JSON
package import Replica

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How entries are written on the control socket, and in the files of `dump` and `load`.
package enum EntryDocument {
    /// One line of a dump, without its line end: members in byte order, strings as RFC 8785 has them, so that equal
    /// maps give equal bytes.
    package static func line(key: RawSpan, value: RawSpan) -> String {
        let keyText = JSONValue.canonicalString(text(key) ?? "")
        if let valueText = text(value) {
            return "{\"key\":\(keyText),\"value\":\(JSONValue.canonicalString(valueText))}"
        }
        return "{\"key\":\(keyText),\"valueBase64\":\"\(Data(value.copy()).base64EncodedString())\"}"
    }

    /// Key, value, version and expiry of an entry.
    package static func fields(_ entry: Entry) -> [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "key": .string(entry.key.description), "version": .string(entry.version.clock.time.text),
            "counter": .integer(Int64(entry.version.clock.counter)),
            "origin": .string(String(entry.version.origin.raw, radix: 16)),
        ]
        if let expiry = entry.expiry { fields["expires"] = .string(expiry.text) }
        if entry.isTombstone { fields["deleted"] = true }
        if entry.isTombstone { return fields }
        if let value = String(validating: entry.value, as: UTF8.self) {
            fields["value"] = .string(value)
        } else {
            fields["valueBase64"] = .string(Data(entry.value).base64EncodedString())
        }
        return fields
    }

    /// The value's bytes in the fields of an entry; nil where they have none.
    package static func value(_ fields: JSONValue) -> [UInt8]? {
        if let text = fields.text("value") { return Array(text.utf8) }
        return fields.text("valueBase64").flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    private static func text(_ bytes: RawSpan) -> String? {
        unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }

    /// The writes that lines of a dump ask for. Leases are left out: their owners renew them.
    ///
    /// - Parameters:
    ///   - bytes: Whole lines.
    ///   - firstNumber: The number of the first of them, for messages.
    ///   - failure: Makes the error that is thrown at the first line that is wrong, from a sentence about it.
    package static func parse(
        lines bytes: [UInt8], firstNumber: Int, failure: (String) -> any Error
    ) throws -> (writes: [LocalWrite], leaseCount: Int) {
        var writes: [LocalWrite] = []
        var leaseCount = 0
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        {
            if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) { continue }
            do {
                let (key, value) = try parse(line: line)
                if key.keyClass.isLease {
                    leaseCount += 1
                } else {
                    writes.append(LocalWrite(key: key, change: .put(value, leaseMilliseconds: nil)))
                }
            } catch {
                throw failure(
                    "line \(firstNumber + number): \((error as? JSONSyntaxError).map { "not valid JSON: \($0.message)" } ?? "\(error)")"
                )
            }
        }
        return (writes, leaseCount)
    }

    private static func parse(line: ArraySlice<UInt8>) throws -> (Key, [UInt8]) {
        let json = try JSONValue.parse(line)
        guard case .object(let fields) = json, case .string(let key)? = fields["key"] else {
            throw LineError("a line is {\"key\": \"...\", \"value\": \"...\"}; \"key\" is missing")
        }
        if let unknown = fields.keys.first(where: { !["key", "value", "valueBase64"].contains($0) }) {
            throw LineError("\"\(unknown)\" is not known; allowed: \"key\", and \"value\" or \"valueBase64\"")
        }
        switch (fields["value"], fields["valueBase64"]) {
        case (.string(let value)?, nil): return (try Key(key), try checked(Array(value.utf8)))
        case (nil, .string(let text)?):
            guard let data = Data(base64Encoded: text) else { throw LineError("\"valueBase64\" is not base64") }
            return (try Key(key), try checked(Array(data)))
        default: throw LineError("a line needs one of \"value\" and \"valueBase64\", as a string")
        }
    }

    private static func checked(_ value: [UInt8]) throws -> [UInt8] {
        guard value.count <= Entry.valueByteCountMax else { throw ReplicaError.valueLength(value.count) }
        return value
    }

    private struct LineError: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
