// Bytes to messages.
package import NIOCore
import Replica
import Trust

extension Message {
    /// Reads one message, which fills the buffer; bytes after the last known field are left for later versions.
    /// Nil for a message of a type that may be ignored.
    package static func decode(_ bytes: ByteBuffer) throws(WireError) -> Message? {
        guard bytes.readableBytes <= byteCountMax else { throw .tooLong(bytes.readableBytes) }
        var reader = FieldReader(buffer: bytes)
        let code: UInt8 = try reader.integer("type")
        guard let type = MessageType(rawValue: code) else {
            guard code >= MessageType.firstIgnorable else { throw .unknownType(code) }
            return nil
        }
        return try decode(type, &reader)
    }

    private static func decode(_ type: MessageType, _ reader: inout FieldReader) throws(WireError) -> Message {
        switch type {
        case .hello: .hello(try Hello(&reader))
        case .proof: .proof(try Proof(&reader))
        case .challenge: .challenge(try Challenge(&reader))
        case .summary: .summary(try Summary(&reader))
        case .symbolRequest: .symbolRequest(try SymbolRequest(&reader))
        case .symbols: .symbols(try Symbols(&reader))
        case .want: .want(try Want(&reader))
        case .entries: .entries(try Entries(&reader))
        case .streamRequest:
            .streamRequest(
                StreamRequest(round: try reader.integer("round"), after: try reader.short("after", Key.byteCountMax)))
        case .streamOffer: .streamOffer(round: try reader.integer("round"))
        case .roundEnd:
            .roundEnd(
                RoundEnd(
                    round: try reader.integer("round"), differenceCount: try reader.integer("differences"),
                    roundTripCount: try reader.integer("round trips")))
        case .nudge: .nudge
        case .refused: .refused(try refused(&reader))
        case .credit: .credit(byteCount: try reader.integer("bytes"))
        case .ping: .ping(Ping(token: try reader.integer("token")))
        case .pong:
            .pong(
                Pong(
                    token: try reader.integer("token"),
                    wallTime: WallTime(milliseconds: try reader.integer("wall time"))))
        case .bye: .bye(try Bye(&reader))
        }
    }

    private static func refused(_ reader: inout FieldReader) throws(WireError) -> [RefusedEntry] {
        let count: UInt16 = try reader.integer("count")
        guard count <= RefusedEntry.countMax else { throw .field("count", "is over \(RefusedEntry.countMax)") }
        var entries: [RefusedEntry] = []
        for _ in 0..<count {
            let key = try reader.short("key", Key.byteCountMax)
            let digest = Digest(value: try reader.integer("digest"))
            let code: UInt8 = try reader.integer("reason")
            let lapses: UInt64 = try reader.integer("lapses")
            // A reason of a later version is taken as one that does not lapse.
            entries.append(
                RefusedEntry(
                    key: key, digest: digest, refusal: Refusal(rawValue: code) ?? .invalid,
                    lapses: lapses == 0 ? nil : WallTime(milliseconds: lapses)))
        }
        return entries
    }
}

extension Hello {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        received = [MessageType.hello.rawValue] + Array(buffer: reader.buffer)
        version = try reader.integer("version")
        versionMin = try reader.integer("oldest version")
        nonce = try reader.bytes("nonce", Hello.nonceByteCount)
        origin = Origin(raw: try reader.integer("origin"))
        wallTime = WallTime(milliseconds: try reader.integer("wall time"))
        credit = try reader.integer("credit")
        let flags: UInt8 = try reader.integer("flags")
        isExternal = flags & 1 != 0
        knowsAudit = flags & 2 != 0
        let serverID = ServerID(String(decoding: try reader.short("server id", ServerID.byteCountMax), as: UTF8.self))
        software = String(decoding: try reader.short("software", 64), as: UTF8.self)
        guard let serverID else { throw .field("server id", "is not \(ServerID.grammar)") }
        self.serverID = serverID
    }
}

extension Proof {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        challenge = try reader.integer("challenge")
        keys = []
        let count: UInt8 = try reader.integer("count")
        guard count <= Proof.keyCountMax else { throw .field("count", "is over \(Proof.keyCountMax)") }
        for _ in 0..<count {
            let keyID = try reader.keyID()
            keys.append(KeyProof(keyID: keyID, code: try reader.bytes("code", 32)))
        }
    }
}

extension Challenge {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        number = try reader.integer("number")
        nonce = try reader.bytes("nonce", Hello.nonceByteCount)
        keyIDs = []
        let count: UInt8 = try reader.integer("count")
        guard count <= Proof.keyCountMax else { throw .field("count", "is over \(Proof.keyCountMax)") }
        for _ in 0..<count { keyIDs.append(try reader.keyID()) }
    }
}

extension Summary {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        round = try reader.integer("round")
        count = try reader.integer("entries")
        fingerprint = Fingerprint(value: try reader.integer("fingerprint"))
        // Earlier versions end here.
        let flags: UInt8 = reader.remaining == 0 ? 0 : try reader.integer("flags")
        withAudit = flags & 1 != 0
        guard count <= UInt32.max else { throw .field("entries", "is over \(UInt32.max)") }
    }
}

extension SymbolRequest {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        round = try reader.integer("round")
        start = try reader.integer("start")
        end = try reader.integer("end")
        let flags: UInt8 = try reader.integer("flags")
        isFresh = flags & 1 != 0
        guard start <= end, end <= Sketch.symbolCountMax else {
            throw .field("end", "is not between start and \(Sketch.symbolCountMax)")
        }
    }
}

extension Symbols {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        round = try reader.integer("round")
        start = try reader.integer("start")
        mapCount = try reader.integer("entries")
        let count: UInt32 = try reader.integer("count")
        guard count <= Message.symbolCountMax, start <= Sketch.symbolCountMax, mapCount <= UInt32.max else {
            throw .field("count", "is over \(Message.symbolCountMax), or the symbols lie past \(Sketch.symbolCountMax)")
        }
        symbols = []
        symbols.reserveCapacity(Int(count))
        for offset in 0..<Int(count) {
            let itemIDs: UInt64 = try reader.integer("item ids")
            let itemChecks: UInt32 = try reader.integer("item checks")
            let deviation = VariableInteger.unzigzag(try reader.variable("symbol count"))
            let expected = Symbols.expectedCount(mapCount: mapCount, index: Int(start) + offset)
            let symbolCount = Int32(truncatingIfNeeded: expected &+ deviation)
            symbols.append(CodedSymbol(itemIDs: itemIDs, itemChecks: itemChecks, count: symbolCount))
        }
    }
}

extension Want {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        round = try reader.integer("round")
        let count: UInt32 = try reader.integer("count")
        itemIDs = []
        guard Int(count) * 8 <= reader.remaining else { throw .truncated("item ids") }
        itemIDs.reserveCapacity(Int(count))
        for _ in 0..<count { itemIDs.append(try reader.integer("item id")) }
    }
}

extension Entries {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        let code: UInt8 = try reader.integer("purpose")
        guard let purpose = Purpose(rawValue: code) else { throw .field("purpose", "has the unknown value \(code)") }
        self.purpose = purpose
        round = try reader.integer("round")
        position = try reader.short("position", Key.byteCountMax)
        let bytes = try reader.bytes("entries", reader.remaining)
        do {
            batch = try EntryBatch(validating: bytes)
        } catch {
            throw .entries(error)
        }
    }
}

extension Bye {
    fileprivate init(_ reader: inout FieldReader) throws(WireError) {
        let code: UInt8 = try reader.integer("reason")
        reason = CloseReason(rawValue: code) ?? .protocolError
        detail = String(decoding: try reader.short("detail", 1_024), as: UTF8.self)
    }
}

/// Reads the fields of one message in order.
private struct FieldReader {
    var buffer: ByteBuffer

    var remaining: Int { buffer.readableBytes }

    mutating func integer<Number: FixedWidthInteger>(_ field: String) throws(WireError) -> Number {
        guard let value = buffer.readInteger(as: Number.self) else { throw .truncated(field) }
        return value
    }

    mutating func bytes(_ field: String, _ count: Int) throws(WireError) -> [UInt8] {
        guard let bytes = buffer.readBytes(length: count) else { throw .truncated(field) }
        return bytes
    }

    /// A length in two bytes, then the bytes.
    mutating func short(_ field: String, _ countMax: Int) throws(WireError) -> [UInt8] {
        let count: UInt16 = try integer(field)
        guard count <= countMax else { throw .field(field, "has \(count) bytes, over \(countMax)") }
        return try bytes(field, Int(count))
    }

    mutating func keyID() throws(WireError) -> KeyID {
        guard let keyID = KeyID(bytes: try bytes("key id", 8)) else { throw .truncated("key id") }
        return keyID
    }

    mutating func variable(_ field: String) throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte: UInt8 = try integer(field)
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .field(field, "is longer than ten bytes")
    }
}
