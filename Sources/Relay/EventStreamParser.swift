// Reads a stream of Server-Sent Events as it arrives (WHATWG HTML, section 9.2.6).

/// Cuts bytes into events. A value; it keeps what is not complete yet.
package struct EventStreamParser: Sendable {
    /// What the stream holds.
    package enum Part: Sendable, Equatable {
        /// One without a name has the name `message`; one without an id of its own has none.
        case event(id: String?, name: String, data: String)
        /// A line that says nothing but that the other end lives.
        case comment
    }

    private var line: [UInt8] = []
    private var endsWithReturn = false
    private var name = ""
    private var id: String?
    private var data: String?
    private let byteCountMax: Int
    private var byteCount = 0

    /// - Parameter byteCountMax: The longest event accepted.
    package init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// The parts that end in these bytes.
    ///
    /// - Throws: `RelayError.malformed` for an event that is too long.
    package mutating func parse(_ bytes: some Sequence<UInt8>) throws(RelayError) -> [Part] {
        var parts: [Part] = []
        for byte in Array(bytes) {
            let isSecondOfPair = byte == UInt8(ascii: "\n") && endsWithReturn
            endsWithReturn = byte == UInt8(ascii: "\r")
            if isSecondOfPair { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let part = endLine() { parts.append(part) }
                continue
            }
            byteCount += 1
            guard byteCount <= byteCountMax else { throw .malformed("an event is longer than \(byteCountMax) bytes") }
            line.append(byte)
        }
        return parts
    }

    private mutating func endLine() -> Part? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty { return endEvent() }
        if line[0] == UInt8(ascii: ":") {
            byteCount -= line.count
            return .comment
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": name = text
        case "id": id = text
        case "data": data = data.map { "\($0)\n\(text)" } ?? text
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> Part? {
        defer { (name, id, data, byteCount) = ("", nil, nil, 0) }
        guard let data else { return nil }
        return .event(id: id, name: name.isEmpty ? "message" : name, data: data)
    }
}
