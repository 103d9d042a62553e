// Events as text and back, however the bytes are cut.
import Relay
import TestSupport
import Testing

@Suite("Event streams")
struct EventStreamTests {
    private static let events: [RelayEvent] = [
        .hello(epoch: "e", link: "l"), .reset, .dial(nonce: "n\"\\/ü"), .drain, .end(stream: "s"),
        .data(stream: "s", offset: .max, bytes: Array(0...255)), .data(stream: "s", offset: 0, bytes: []),
        .received(stream: "s", count: .max),
    ]

    private func read(_ part: EventStreamParser.Part) throws -> (RelayEvent?, String?) {
        guard case .event(let id, let name, let data) = part else { return (nil, nil) }
        return (try RelayEvent(name: name, data: data), id)
    }

    @Test("Every event comes back as it was, with its id, however its bytes are cut", arguments: 1...20)
    func roundTrip(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let sent = (0..<60).map { number in
            (Self.events[Int.random(in: 0..<Self.events.count, using: &random)], number % 3 == 0 ? nil : "e-\(number)")
        }
        var text: [UInt8] = []
        for (event, id) in sent {
            if Bool.random(using: &random) { text += Array(": \n\n".utf8) }
            text += event.text(id: id)
        }
        var parser = EventStreamParser(byteCountMax: RelayEvent.byteCountMax)
        var came: [(RelayEvent?, String?)] = []
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...200, using: &random))
            came += try parser.parse(piece).filter { $0 != .comment }.map(read)
            rest = rest.dropFirst(piece.count)
        }
        #expect(came.map(\.0) == sent.map(\.0) && came.map(\.1) == sent.map(\.1))
    }

    @Test("Lines end with CR, LF or both, even where the pair is cut", arguments: ["\n", "\r", "\r\n"])
    func lineEnds(end: String) throws {
        let lines = ["id: 7", "event: reset", "data: {", "data:}", "", ": says nothing"]
        let text = lines.map { $0 + end }.joined() + end
        var parser = EventStreamParser(byteCountMax: 100)
        var parts: [EventStreamParser.Part] = []
        for byte in text.utf8 { parts += try parser.parse([byte]) }
        #expect(parts == [.event(id: "7", name: "reset", data: "{\n}"), .comment])
        #expect(try RelayEvent(name: "reset", data: "{\n}") == .reset)
    }

    @Test("Fields that nobody knows and events without data are passed over, and names do not go on")
    func plain() throws {
        var parser = EventStreamParser(byteCountMax: 100)
        let text = "retry: 5\nnothing\nevent: lost\n\ndata: {}\n\nevent: drain\ndata\n\n"
        #expect(
            try parser.parse(text.utf8)
                == [.event(id: nil, name: "message", data: "{}"), .event(id: nil, name: "drain", data: "")])
    }

    @Test("An event that is too long is refused before it is complete; comments may go on for ever")
    func tooLong() throws {
        var parser = EventStreamParser(byteCountMax: 50)
        for _ in 0..<100 { #expect(try parser.parse(": still here\n\n".utf8) == [.comment]) }
        #expect(throws: RelayError.malformed("an event is longer than 50 bytes")) {
            try parser.parse("data: \(String(repeating: "x", count: 45))".utf8)
        }
        var lines = EventStreamParser(byteCountMax: 50)
        #expect(throws: RelayError.self) { try lines.parse(String(repeating: "data: x\n", count: 8).utf8) }
        var comment = EventStreamParser(byteCountMax: 50)
        #expect(throws: RelayError.self) { try comment.parse((":" + String(repeating: "x", count: 50)).utf8) }
    }

    @Test("A whole chunk fits into an event, whatever its bytes", arguments: [0x00, 0xFB, 0xFF] as [UInt8])
    func wholeChunk(byte: UInt8) throws {
        let bytes = Array(repeating: byte, count: CarriedStream.chunkByteCount)
        let name = String(repeating: "f", count: 32)
        let event = RelayEvent.data(stream: name, offset: .max, bytes: bytes)
        let text = event.text(id: "\(name)-\(UInt64.max)")
        #expect(text.count < RelayEvent.byteCountMax * 2 / 3)
        var parser = EventStreamParser(byteCountMax: RelayEvent.byteCountMax)
        #expect(try read(#require(try parser.parse(text).first)).0 == event)
    }

    @Test("An event of a later version is passed over, and one of this version without its fields refused")
    func versions() throws {
        #expect(try RelayEvent(name: "later", data: "{}") == nil)
        #expect(try RelayEvent(name: "later", data: "no JSON at all") == nil)
        #expect(try RelayEvent(name: "drain", data: "{\"later\": [1]}") == .drain)
        for (name, data) in [
            ("hello", "{\"epoch\":\"e\"}"), ("dial", "{}"), ("end", "{\"stream\":1}"), ("drain", "drain"),
            ("data", "{\"stream\":\"s\",\"offset\":-1,\"bytes\":\"\"}"),
            ("data", "{\"stream\":\"s\",\"offset\":1,\"bytes\":\"?\"}"), ("received", "{\"stream\":\"s\"}"),
        ] {
            #expect(throws: RelayError.self) { try RelayEvent(name: name, data: data) }
        }
    }
}
