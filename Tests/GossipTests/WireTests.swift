// Messages to bytes and back, byte by byte, and everything that has to be refused.
import Gossip
import NIOCore
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Wire")
struct WireTests {
    private func decode(_ name: String) throws -> Message {
        try #require(try Message.decode(try WireExample.named(name).buffer))
    }

    private func error(_ bytes: [UInt8]) -> WireError? {
        do throws(WireError) {
            _ = try Message.decode(ByteBuffer(bytes: bytes))
            return nil
        } catch {
            return error
        }
    }

    @Test("Every message has its fixed bytes, and these give the message back", arguments: WireExample.all)
    func roundTrip(example: WireExample) throws {
        let message = try #require(try Message.decode(example.buffer))
        #expect(hex(message.encoded().readableBytesView) == hex(example.bytes))
        #expect(printedExamples().contains(example.fields))
    }

    @Test("There is an example of every kind of message, and its name is the message's")
    func complete() throws {
        let names = try WireExample.all.map { try decode($0.name).name }
        #expect(Set(names).count == 17)
        #expect(Set(WireExample.all.compactMap(\.bytes.first)) == Set(1...17))
    }

    @Test(
        "Bytes after the last known field are left for later versions",
        arguments: [
            "hello", "proof", "challenge", "summary", "symbolRequest", "symbols", "want", "streamRequest",
            "streamOffer",
            "roundEnd", "nudge", "refused", "credit", "ping", "pong", "bye",
        ])
    func later(name: String) throws {
        let example = try WireExample.named(name)
        let message = try #require(try Message.decode(ByteBuffer(bytes: example.bytes + [1, 2, 3])))
        #expect(hex(message.encoded().readableBytesView) == hex(example.bytes))
    }

    @Test("A message cut short anywhere is refused, or is the same kind of message", arguments: WireExample.all)
    func truncated(example: WireExample) throws {
        let whole = try decode(example.name)
        for count in 0..<example.bytes.count {
            let bytes = Array(example.bytes.prefix(count))
            guard error(bytes) == nil else { continue }
            let message = try #require(try Message.decode(ByteBuffer(bytes: bytes)))
            #expect(message.name == whole.name)
            let isEarlier = message.name == "summary" && count == example.bytes.count - 1
            #expect(message.name == "entries" || isEarlier, "only whole entries may be left out unseen")
        }
    }

    @Test("The fields of a hello are where the protocol says")
    func hello() throws {
        guard case .hello(let hello) = try decode("hello") else { return #expect(Bool(false)) }
        #expect(hello.version == 1 && hello.versionMin == 1)
        #expect(hello.nonce == (0..<32).map { UInt8($0) })
        #expect(hello.origin == Origin(raw: 0x0123_4567_89AB_CDEF))
        #expect(hello.wallTime == startOfTests)
        #expect(hello.credit == 4 << 20)
        #expect(hello.isExternal && hello.knowsAudit && hello.serverID == "host-1" && hello.software == "fastx/0.1.0")
    }

    @Test("A summary of an earlier version counts no audit entries, and a hello of one knows none")
    func earlier() throws {
        let summary = try WireExample.named("summary").bytes.dropLast()
        guard case .summary(let summary)? = try Message.decode(ByteBuffer(bytes: summary)) else {
            return #expect(Bool(false))
        }
        #expect(summary.count == 1_000_000 && !summary.withAudit)
        var hello = try WireExample.named("hello").bytes
        let flags = hello.count - 11 - 2 - 6 - 2 - 1
        #expect(hello[flags] == 3)
        hello[flags] = 1
        guard case .hello(let hello)? = try Message.decode(ByteBuffer(bytes: hello)) else {
            return #expect(Bool(false))
        }
        #expect(hello.isExternal && !hello.knowsAudit)
    }

    @Test("The fields of symbols are where the protocol says, counts as deviations from the expected ones")
    func symbols() throws {
        guard case .symbols(let symbols) = try decode("symbols") else { return #expect(Bool(false)) }
        #expect(symbols.round == 7 && symbols.start == 0 && symbols.mapCount == 100)
        #expect(
            symbols.symbols == [
                CodedSymbol(itemIDs: 0x0123_4567_89AB_CDEF, itemChecks: 0xDEAD_BEEF, count: 100),
                CodedSymbol(itemIDs: 0xFEDC_BA98_7654_3210, itemChecks: 0x0102_0304, count: 67 - 66),
            ])
    }

    @Test("The fields of entries are where the protocol says")
    func entries() throws {
        guard case .entries(let stream) = try decode("stream") else { return #expect(Bool(false)) }
        #expect(stream.purpose == .stream && stream.round == 7 && stream.position == Array("data/x".utf8))
        #expect(
            stream.batch.entries == [
                try makeEntry("config/motd", "hello"),
                Entry(
                    key: try Key("data/x"), kind: .tombstone,
                    version: Version(
                        clock: Clock(raw: (startOfTests.milliseconds + 1) << 16 | 2), origin: Origin(raw: 1))),
            ])
    }

    @Test("The fields of the smaller messages are where the protocol says")
    func small() throws {
        guard case .summary(let summary) = try decode("summary"), case .roundEnd(let end) = try decode("roundEnd"),
            case .refused(let refused) = try decode("refused"), case .bye(let bye) = try decode("bye"),
            case .symbolRequest(let request) = try decode("symbolRequest")
        else { return #expect(Bool(false)) }
        #expect(summary.round == 7 && summary.count == 1_000_000 && summary.withAudit)
        #expect(summary.fingerprint.hex == "00112233445566778899aabbccddeeff")
        #expect(end.differenceCount == 100 && end.roundTripCount == 3)
        #expect(
            refused == [
                RefusedEntry(
                    key: Array("data/x".utf8), digest: Digest(value: summary.fingerprint.value), refusal: .aheadOfTime,
                    lapses: startOfTests)
            ])
        #expect(bye.reason == .noCommonKey && bye.detail == "no common key")
        #expect(request.start == 16 && request.end == 64 && !request.isFresh)
    }

    @Test("Unknown types below 128 are refused, from 128 on they are ignored")
    func unknown() throws {
        for type in UInt8.min...UInt8.max where !(1...17).contains(type) {
            if type < 128 {
                #expect(error([type, 0, 0]) == .unknownType(type))
            } else {
                #expect(try Message.decode(ByteBuffer(bytes: [type, 0, 0])) == nil)
            }
        }
    }

    @Test(
        "Lists and texts that are too long are refused",
        arguments: [
            "02 00000000 09", "03 00000000 \(String(repeating: "00", count: 32)) 09", "0d 0401",
            "06 00000000 00000000 0000000000000000 00002001", "06 00000000 00040001 0000000000000000 00000000",
            "06 00000000 00000000 0000000100000000 00000000", "05 00000000 00000000 00040001 01",
            "05 00000000 00000002 00000001 00", "04 00000000 0000000100000000 00000000000000000000000000000000",
            "07 00000000 00020000 0000000000000000", "07 00000000 ffffffff",
            "09 00000000 01e1 \(String(repeating: "61", count: 481))", "08 04 00000000 0000", "11 05 0401",
        ])
    func tooLong(fields: String) {
        let problem = error(WireExample(name: "", fields: fields + String(repeating: "00", count: 64)).bytes)
        #expect(problem != nil)
        #expect(problem?.description.isEmpty == false)
    }

    @Test("A message over the longest allowed is refused before it is looked at")
    func longest() {
        #expect(error([UInt8](repeating: 200, count: Message.byteCountMax + 1)) == .tooLong(Message.byteCountMax + 1))
    }

    @Test("The largest entry fits into a message")
    func largest() throws {
        let key = try Key("data/" + String(repeating: "k", count: Key.byteCountMax - 5))
        var batch = EntryBatch()
        let version = Version(clock: Clock(startOfTests), origin: Origin(raw: 1))
        batch.append(Entry(key: key, version: version, value: [UInt8](repeating: 1, count: Entry.valueByteCountMax)))
        guard case .entries(var entries) = try decode("entries") else { return #expect(Bool(false)) }
        entries.batch = batch
        let decoded = try Message.decode(Message.entries(entries).encoded())
        guard case .entries(let back)? = decoded else { return #expect(Bool(false)) }
        #expect(back.batch.bytes == batch.bytes)
    }

    @Test("Server ids that break the grammar are refused")
    func serverID() throws {
        let bytes = try WireExample.named("hello").bytes
        let start = bytes.count - 11 - 2 - 6
        for bad in ["host_1", "HOST-1", "host/1", "host 1"] {
            #expect(error(Array(bytes[..<start]) + Array(bad.utf8) + [0, 0]) != nil)
        }
        #expect(error(Array(bytes[..<(start - 2)]) + [0, 0, 0, 0]) != nil)
    }

    @Test("Only entries and symbols cost credit, by their size")
    func cost() throws {
        for example in WireExample.all {
            let message = try decode(example.name)
            switch message.name {
            case "entries": #expect(message.creditCost == 31 * 2 + 16 + 6)
            case "symbols": #expect(message.creditCost == 32)
            default: #expect(message.creditCost == 0)
            }
        }
    }
}
