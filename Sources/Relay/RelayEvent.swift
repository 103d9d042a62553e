// What an external member tells the members that hold a link to it, and its form in the event stream.
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One message of an external member to another one.
package enum RelayEvent: Sendable, Equatable {
    /// The first one on every link: which process it is (`epoch`) and the link's name, by which heartbeats are told apart.
    case hello(epoch: String, link: String)
    /// What was missed cannot be said again: streams that were carried are lost.
    case reset
    /// Asks for a connection that carries this nonce. Never said twice.
    case dial(nonce: String)
    /// Bytes of a carried stream, from this offset on.
    case data(stream: String, offset: UInt64, bytes: [UInt8])
    /// How many bytes of a carried stream have been passed on in all.
    case received(stream: String, count: UInt64)
    /// No more comes of a carried stream, and nothing is taken.
    case end(stream: String)
    /// The external member is about to stop.
    case drain
}

extension RelayEvent {
    /// The name in the field `event`.
    package var name: String {
        switch self {
        case .hello: "hello"
        case .reset: "reset"
        case .dial: "dial"
        case .data: "data"
        case .received: "received"
        case .end: "end"
        case .drain: "drain"
        }
    }

    /// Longest event accepted, in bytes: a chunk of a stream takes two thirds of it.
    package static let byteCountMax = 128 << 10

    private static let names: Set<String> = ["hello", "reset", "dial", "data", "received", "end", "drain"]

    private struct Fields: Codable {
        var epoch: String?
        var link: String?
        var nonce: String?
        var stream: String?
        var offset: UInt64?
        var count: UInt64?
        var bytes: Data?
    }

    /// The event as text, with the id by which a later link tells what it has.
    package func text(id: String?) -> [UInt8] {
        var fields = Fields()
        switch self {
        case .hello(let epoch, let link): (fields.epoch, fields.link) = (epoch, link)
        case .dial(let nonce): fields.nonce = nonce
        case .data(let stream, let offset, let bytes):
            (fields.stream, fields.offset, fields.bytes) = (stream, offset, Data(bytes))
        case .received(let stream, let count): (fields.stream, fields.count) = (stream, count)
        case .end(let stream): fields.stream = stream
        case .reset, .drain: break
        }
        let encoder = JSONEncoder()
        // A stroke that is escaped takes twice the room, and bytes may be nothing else.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and numbers: encoding them does not fail.
        let json = (try? encoder.encode(fields)) ?? Data()
        var text = id.map { Array("id: \($0)\n".utf8) } ?? []
        text += Array("event: \(name)\ndata: ".utf8)
        text += json
        text += Array("\n\n".utf8)
        return text
    }

    /// An event as received; nil for a name that this version does not know.
    ///
    /// - Throws: `RelayError.malformed` where a field is missing or of another kind.
    package init?(name: String, data: String) throws(RelayError) {
        guard Self.names.contains(name) else { return nil }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(data.utf8))
        } catch {
            throw .malformed("the event \(name) has data of another form")
        }
        switch name {
        case "hello": self = .hello(epoch: try Self.need(fields.epoch, name), link: try Self.need(fields.link, name))
        case "reset": self = .reset
        case "dial": self = .dial(nonce: try Self.need(fields.nonce, name))
        case "data":
            self = .data(
                stream: try Self.need(fields.stream, name), offset: try Self.need(fields.offset, name),
                bytes: Array(try Self.need(fields.bytes, name)))
        case "received":
            self = .received(stream: try Self.need(fields.stream, name), count: try Self.need(fields.count, name))
        case "end": self = .end(stream: try Self.need(fields.stream, name))
        case "drain": self = .drain
        default: return nil
        }
    }

    private static func need<Value>(_ value: Value?, _ name: String) throws(RelayError) -> Value {
        guard let value else { throw .malformed("the event \(name) lacks a field") }
        return value
    }
}
