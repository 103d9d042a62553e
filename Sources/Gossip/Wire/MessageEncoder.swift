// Messages to bytes.
package import NIOCore
import Replica
import Trust

extension Message {
    /// Appends the message's bytes. Numbers are big-endian.
    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .hello(let hello): hello.encode(into: &buffer)
        case .proof(let proof): proof.encode(into: &buffer)
        case .challenge(let challenge): challenge.encode(into: &buffer)
        case .summary(let summary): summary.encode(into: &buffer)
        case .symbolRequest(let request): request.encode(into: &buffer)
        case .symbols(let symbols): symbols.encode(into: &buffer)
        case .want(let want): want.encode(into: &buffer)
        case .entries(let entries): entries.encode(into: &buffer)
        case .streamRequest(let request):
            buffer.write(.streamRequest)
            buffer.writeInteger(request.round)
            buffer.writeShort(request.after)
        case .streamOffer(let round):
            buffer.write(.streamOffer)
            buffer.writeInteger(round)
        case .roundEnd(let end):
            buffer.write(.roundEnd)
            buffer.writeMultipleIntegers(end.round, end.differenceCount, end.roundTripCount)
        case .nudge: buffer.write(.nudge)
        case .refused(let entries): Self.encode(refused: entries, into: &buffer)
        case .credit(let byteCount):
            buffer.write(.credit)
            buffer.writeInteger(byteCount)
        case .ping(let ping):
            buffer.write(.ping)
            buffer.writeInteger(ping.token)
        case .pong(let pong):
            buffer.write(.pong)
            buffer.writeMultipleIntegers(pong.token, pong.wallTime.milliseconds)
        case .bye(let bye):
            buffer.write(.bye)
            buffer.writeInteger(bye.reason.rawValue)
            buffer.writeShort(Array(bye.detail.utf8.prefix(1_024)))
        }
    }

    /// The message in a buffer of its own.
    package func encoded() -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: Self.fixedByteCount + creditCost)
        encode(into: &buffer)
        return buffer
    }

    /// Most messages without their entries and symbols fit in this.
    private static let fixedByteCount = 48

    private static func encode(refused entries: [RefusedEntry], into buffer: inout ByteBuffer) {
        buffer.write(.refused)
        buffer.writeInteger(UInt16(entries.count))
        for entry in entries {
            buffer.writeShort(entry.key)
            buffer.writeInteger(entry.digest.value)
            buffer.writeInteger(entry.refusal.rawValue)
            buffer.writeInteger(entry.lapses?.milliseconds ?? 0)
        }
    }
}

extension Hello {
    /// The bytes that both ends prove their keys over.
    var bytes: [UInt8] {
        if !received.isEmpty { return received }
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return Array(buffer: buffer)
    }

    /// Appends the message's bytes, type included. Of the software the first 64 bytes are sent.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.write(.hello)
        buffer.writeMultipleIntegers(version, versionMin)
        buffer.writeBytes(nonce)
        buffer.writeMultipleIntegers(origin.raw, wallTime.milliseconds, credit)
        buffer.writeInteger(UInt8((isExternal ? 1 : 0) | (knowsAudit ? 2 : 0)))
        buffer.writeShort(Array(serverID.text.utf8))
        buffer.writeShort(Array(software.utf8.prefix(64)))
    }
}

extension Proof {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.proof)
        buffer.writeInteger(challenge)
        buffer.writeInteger(UInt8(keys.count))
        for key in keys {
            buffer.writeBytes(key.keyID.bytes)
            buffer.writeBytes(key.code)
        }
    }
}

extension Challenge {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.challenge)
        buffer.writeInteger(number)
        buffer.writeBytes(nonce)
        buffer.writeInteger(UInt8(keyIDs.count))
        for keyID in keyIDs { buffer.writeBytes(keyID.bytes) }
    }
}

extension Summary {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.summary)
        buffer.writeMultipleIntegers(round, count, fingerprint.value, UInt8(withAudit ? 1 : 0))
    }
}

extension SymbolRequest {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.symbolRequest)
        buffer.writeMultipleIntegers(round, start, end, UInt8(isFresh ? 1 : 0))
    }
}

extension Symbols {
    /// The count that a symbol of a map most likely has; only the deviation from it is sent.
    static func expectedCount(mapCount: UInt64, index: Int) -> Int64 {
        Int64((Double(mapCount) / (1 + Double(index) / 2)).rounded())
    }

    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.symbols)
        buffer.writeMultipleIntegers(round, start, mapCount, UInt32(symbols.count))
        for (offset, symbol) in symbols.enumerated() {
            buffer.writeMultipleIntegers(symbol.itemIDs, symbol.itemChecks)
            let expected = Self.expectedCount(mapCount: mapCount, index: Int(start) + offset)
            buffer.writeVariable(VariableInteger.zigzag(Int64(symbol.count) - expected))
        }
    }
}

extension Want {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.write(.want)
        buffer.writeMultipleIntegers(round, UInt32(itemIDs.count))
        for itemID in itemIDs { buffer.writeInteger(itemID) }
    }
}

extension Entries {
    fileprivate func encode(into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: batch.byteCount + position.count + 16)
        buffer.writeMultipleIntegers(
            MessageType.entries.rawValue, purpose.rawValue, round, UInt16(position.count))
        buffer.writeBytes(position)
        buffer.writeBytes(batch.bytes)
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ type: MessageType) { writeInteger(type.rawValue) }

    /// A length in two bytes, then the bytes.
    fileprivate mutating func writeShort(_ bytes: [UInt8]) {
        writeInteger(UInt16(bytes.count))
        writeBytes(bytes)
    }

    fileprivate mutating func writeVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }
}
