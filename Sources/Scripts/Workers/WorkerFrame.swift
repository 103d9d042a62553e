// What agent and worker send each other: a header in JSON, and the texts that it tells of.
import JSON
import NIOCore

/// One frame: `u32 length of the rest | u32 length of the header | header | texts, one after the other`, big-endian.
///
/// Texts stay outside the header, because a thousand server updates would be escaped and parsed for nothing in it.
struct WorkerFrame: Sendable, Equatable {
    /// An object; it tells the lengths of the texts in the order in which they follow.
    var header: JSONValue
    /// All texts.
    var texts = ByteBuffer()

    /// Far more than an honest answer has.
    static let byteCountMax = 16 << 20

    func encode(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        let head = header.canonicalText.utf8
        var buffer = allocator.buffer(capacity: 8 + head.count + texts.readableBytes)
        buffer.writeInteger(UInt32(4 + head.count + texts.readableBytes))
        buffer.writeInteger(UInt32(head.count))
        buffer.writeBytes(head)
        buffer.writeImmutableBuffer(texts)
        return buffer
    }
}

/// Why a worker's bytes are no frame.
struct WorkerFrameError: Error, CustomStringConvertible {
    let description: String
}

/// Takes frames out of a stream of bytes.
struct WorkerFrameDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = WorkerFrame

    func decode(buffer: inout ByteBuffer) throws -> WorkerFrame? {
        var rest = buffer
        guard let length = rest.readInteger(as: UInt32.self) else { return nil }
        guard length >= 4, length <= WorkerFrame.byteCountMax else {
            throw WorkerFrameError(description: "a frame of \(length) bytes")
        }
        guard var frame = rest.readSlice(length: Int(length)) else { return nil }
        buffer = rest
        guard let headLength = frame.readInteger(as: UInt32.self), let head = frame.readSlice(length: Int(headLength))
        else { throw WorkerFrameError(description: "a header that is longer than its frame") }
        do {
            return WorkerFrame(header: try JSONValue.parse(head.readableBytesView), texts: frame)
        } catch {
            throw WorkerFrameError(description: "a header that is not JSON: \(error)")
        }
    }

    func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> WorkerFrame? { try decode(buffer: &buffer) }
}
