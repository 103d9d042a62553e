// Recordings: what the shim writes is read, cut-off input loses only what was cut, and anything else is refused.
import CrashPoints
import Testing

@Suite("Recordings")
struct RecordingTests {
    private static let operations: [RecordedOperation] = [
        RecordedOperation(fileID: 7, action: .open(path: "store/data.mdb", flags: 0o102)),
        RecordedOperation(fileID: 7, action: .write(offset: 4_096, bytes: [1, 2, 3], .nothing)),
        RecordedOperation(fileID: 7, action: .write(offset: 32, bytes: [9], .durable)),
        RecordedOperation(fileID: 7, action: .write(offset: 32, bytes: [], .failed)),
        RecordedOperation(fileID: 7, action: .sync),
        RecordedOperation(fileID: 7, action: .truncate(size: 1 << 40)),
        RecordedOperation(fileID: 0, action: .rename(from: "a", to: "b")),
        RecordedOperation(fileID: 0, action: .unlink(path: "b")),
        RecordedOperation(fileID: 0, action: .link(from: "ä", to: "ö")),
        RecordedOperation(fileID: 0, action: .makeDirectory(path: "store")),
        RecordedOperation(fileID: 3, action: .syncDirectory(path: ".")),
    ]

    @Test("Every kind of record is read as it was written")
    func roundTrip() throws {
        let recording = Recording(operations: Self.operations)
        #expect(try Recording(parsing: recording.encoded) == recording)
        #expect(try Recording(parsing: []).operations.isEmpty)
    }

    @Test("A record is what the shim's documentation says")
    func layout() {
        let write = RecordedOperation(fileID: 0x0102_0304, action: .write(offset: 5, bytes: [0xAA, 0xBB], .durable))
        let expected: [UInt8] = [
            0x52, 0x53, 0x58, 0x46, 2, 0, 0, 0, 4, 3, 2, 1, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
            2, 0, 0, 0, 0, 0, 0, 0, 0xAA, 0xBB,
        ]
        #expect(Recording(operations: [write]).encoded == expected)
    }

    @Test("Input that is cut off anywhere loses the record that was cut, and says so")
    func cutOff() throws {
        let whole = Recording(operations: Self.operations).encoded
        for count in 0...whole.count {
            let recording = try Recording(parsing: Array(whole.prefix(count)))
            let kept = recording.operations.count
            #expect(recording.operations == Array(Self.operations.prefix(kept)))
            let keptByteCount = Recording(operations: recording.operations).encoded.count
            #expect(recording.isCutOff == (keptByteCount < count))
            #expect(keptByteCount <= count)
        }
    }

    @Test("Bytes that are no record are refused, with the place where they are")
    func foreign() {
        let good = Recording(operations: [Self.operations[4]]).encoded
        for (offset, byte) in [(0, UInt8(1)), (4, 10), (4, 0), (4, 7)] {
            var bad = good
            bad[offset] = byte
            #expect {
                try Recording(parsing: good + bad)
            } throws: { error in
                guard case .recording(offset: good.count, _)? = error as? CrashPointError else { return false }
                return true
            }
        }
        // A write that has not the length that it says.
        var short = Recording(operations: [Self.operations[1]]).encoded
        short[24] = 4
        #expect(throws: CrashPointError.self) { try Recording(parsing: short) }
    }

    @Test("A line of the journal is read as it was written, and others are refused")
    func notes() throws {
        let state = MapState(words: "12 000000000000000000000000000000ff 3".split(separator: " "))
        for note in [
            Note(.begin, subject: "store", number: 1, state: state),
            Note(.attempt, subject: "x", number: 2, state: state),
            Note(.done, subject: "store", number: 3), Note(.done, subject: "store", number: 3, state: state),
            Note(.failed, subject: "store", number: 4),
        ] {
            #expect(try Note(line: Substring(note.line)) == note)
        }
        for line in [
            "", "begin", "begin store 1", "over store 1", "done store x", "done store 1 2", "done store 1 2 g 3",
        ] {
            #expect(throws: CrashPointError.self) { try Note(line: Substring(line)) }
        }
    }
}
