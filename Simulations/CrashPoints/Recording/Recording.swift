// A recording: the calls by which a program changed the files of a directory, in order, as the storage shim wrote them.

/// What a write that has returned says of the disk.
package enum WritePromise: Sendable, Hashable {
    case nothing
    /// The bytes are on it: the descriptor is O_DSYNC or O_SYNC.
    case durable
    /// It reported an error, which came after the bytes were taken: they may be on it or not.
    case failed
}

/// One call that changed a file.
package struct RecordedOperation: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case open(path: String, flags: UInt32)
        case write(offset: Int, bytes: [UInt8], WritePromise)
        case sync
        case truncate(size: Int)
        case rename(from: String, to: String)
        case unlink(path: String)
        case link(from: String, to: String)
        case makeDirectory(path: String)
        case syncDirectory(path: String)
    }

    /// The number that the shim gave the file; 0 where the action names files.
    package var fileID: UInt32
    package var action: Action

    package init(fileID: UInt32, action: Action) {
        self.fileID = fileID
        self.action = action
    }
}

/// The calls of one run.
package struct Recording: Sendable, Hashable {
    package var operations: [RecordedOperation]
    /// Whether the last record was cut off, as one of a killed process may be. It is left out.
    package private(set) var isCutOff = false

    package init(operations: [RecordedOperation]) { self.operations = operations }

    /// Reads records until the end of the bytes.
    package init(parsing bytes: [UInt8]) throws(CrashPointError) {
        operations = []
        var offset = 0
        while offset < bytes.count {
            let rest = bytes[offset...]
            guard let header = RecordHeader(rest) else {
                isCutOff = true
                return
            }
            guard header.magic == RecordHeader.magic else { throw .recording(offset: offset, "no record begins here") }
            guard header.payloadLength <= UInt64(rest.count - RecordHeader.byteCount) else {
                isCutOff = true
                return
            }
            let payload = rest.dropFirst(RecordHeader.byteCount).prefix(Int(header.payloadLength))
            do {
                operations.append(try header.operation(payload))
            } catch {
                throw .recording(offset: offset, error.reason)
            }
            offset += RecordHeader.byteCount + payload.count
        }
    }

    /// The records, as the shim writes them.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for operation in operations { RecordHeader.append(operation, to: &bytes) }
        return bytes
    }
}

/// Why a record cannot be used.
private struct RecordFault: Error {
    let reason: String
}

/// The fixed part of a record: 40 bytes, numbers least significant byte first.
private struct RecordHeader {
    static let magic: UInt32 = 0x4658_5352
    static let byteCount = 40

    let magic, kind, fileID, flags: UInt32
    let offset, length, payloadLength: UInt64

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.byteCount else { return nil }
        func number(at offset: Int, byteCount: Int) -> UInt64 {
            bytes[(bytes.startIndex + offset)...].prefix(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        magic = UInt32(number(at: 0, byteCount: 4))
        kind = UInt32(number(at: 4, byteCount: 4))
        fileID = UInt32(number(at: 8, byteCount: 4))
        flags = UInt32(number(at: 12, byteCount: 4))
        offset = number(at: 16, byteCount: 8)
        length = number(at: 24, byteCount: 8)
        payloadLength = number(at: 32, byteCount: 8)
    }

    func operation(_ payload: ArraySlice<UInt8>) throws(RecordFault) -> RecordedOperation {
        RecordedOperation(fileID: fileID, action: try action(payload))
    }

    private func action(_ payload: ArraySlice<UInt8>) throws(RecordFault) -> RecordedOperation.Action {
        switch kind {
        case 1: return .open(path: Self.text(payload), flags: flags)
        case 2:
            guard length == payloadLength, offset <= UInt64(Int.max) - length else {
                throw RecordFault(reason: "a write of \(length) bytes at \(offset) has \(payloadLength) bytes")
            }
            let promise: WritePromise = flags & 2 != 0 ? .failed : flags & 1 != 0 ? .durable : .nothing
            return .write(offset: Int(offset), bytes: Array(payload), promise)
        case 3: return .sync
        case 4:
            guard let size = Int(exactly: length) else {
                throw RecordFault(reason: "a file cannot have \(length) bytes")
            }
            return .truncate(size: size)
        case 5:
            // RENAME_NOREPLACE changes only whether it succeeds.
            guard flags & ~1 == 0 else { throw RecordFault(reason: "a rename has the flags \(flags)") }
            let (from, to) = try Self.pair(payload)
            return .rename(from: from, to: to)
        case 6: return .unlink(path: Self.text(payload))
        case 7:
            let (from, to) = try Self.pair(payload)
            return .link(from: from, to: to)
        case 8: return .makeDirectory(path: Self.text(payload))
        case 9: return .syncDirectory(path: Self.text(payload))
        default: throw RecordFault(reason: "there is no kind \(kind)")
        }
    }

    private static func text(_ payload: ArraySlice<UInt8>) -> String { String(decoding: payload, as: UTF8.self) }

    private static func pair(_ payload: ArraySlice<UInt8>) throws(RecordFault) -> (String, String) {
        guard let end = payload.firstIndex(of: 0) else { throw RecordFault(reason: "a second path is missing") }
        return (text(payload[..<end]), text(payload[(end + 1)...]))
    }

    static func append(_ operation: RecordedOperation, to output: inout [UInt8]) {
        var kind: UInt32 = 3
        var flags: UInt32 = 0
        var (offset, length) = (0, 0)
        var payload: [UInt8] = []
        switch operation.action {
        case .open(let path, let openFlags): (kind, flags, payload) = (1, openFlags, Array(path.utf8))
        case .write(let start, let bytes, let promise):
            flags = promise == .failed ? 2 : promise == .durable ? 1 : 0
            (kind, offset, length, payload) = (2, start, bytes.count, bytes)
        case .sync: break
        case .truncate(let size): (kind, length) = (4, size)
        case .rename(let from, let to): (kind, payload) = (5, Array(from.utf8) + [0] + Array(to.utf8))
        case .unlink(let path): (kind, payload) = (6, Array(path.utf8))
        case .link(let from, let to): (kind, payload) = (7, Array(from.utf8) + [0] + Array(to.utf8))
        case .makeDirectory(let path): (kind, payload) = (8, Array(path.utf8))
        case .syncDirectory(let path): (kind, payload) = (9, Array(path.utf8))
        }
        for number in [magic, kind, operation.fileID, flags] {
            for shift in 0..<4 { output.append(UInt8(truncatingIfNeeded: number >> UInt32(8 * shift))) }
        }
        for number in [offset, length, payload.count] {
            for shift in 0..<8 { output.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
        }
        output += payload
    }
}
