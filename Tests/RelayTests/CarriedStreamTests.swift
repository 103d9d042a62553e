// A stream of bytes whose messages come twice, late and out of turn.
import Relay
import TestSupport
import Testing

@Suite("Carried streams")
struct CarriedStreamTests {
    private struct Message {
        let offset: UInt64
        let bytes: [UInt8]
    }

    @Test("Messages that come twice, late and again end in equal bytes, and the window holds", arguments: 1...30)
    func chaos(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let whole = random.bytes(700_000)
        var (sender, receiver) = (CarriedStream(), CarriedStream())
        var sent: [Message] = []
        /// How many of the messages have come at least once; a lost one is sent again before later ones come.
        var cameCount = 0
        var (came, waiting): ([UInt8], Int) = ([], 0)
        var totals: [UInt64] = []
        while came.count < whole.count || sender.room < Int(CarriedStream.windowByteCount) / 2 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let start = Int(sender.sentCount)
                let count = min(sender.room, whole.count - start, Int.random(in: 0...40_000, using: &random))
                sent.append(Message(offset: sender.send(count), bytes: Array(whole[start..<(start + count)])))
            case 1 where cameCount < sent.count:
                let new = try receiver.take(offset: sent[cameCount].offset, sent[cameCount].bytes)
                came += new
                waiting += new.count
                cameCount += 1
            case 2 where cameCount > 0:
                let old = sent[Int.random(in: 0..<cameCount, using: &random)]
                #expect(try receiver.take(offset: old.offset, old.bytes).isEmpty)
            default:
                let count = Int.random(in: 0...waiting, using: &random)
                waiting -= count
                if let total = receiver.passed(count) { totals.append(total) }
                // Told late, twice and in any order.
                if let total = totals.randomElement(using: &random) { try sender.confirm(total) }
            }
            #expect(waiting <= Int(CarriedStream.windowByteCount) && sender.room >= 0)
            #expect(Int(sender.sentCount) - came.count + waiting <= Int(CarriedStream.windowByteCount))
        }
        #expect(came == whole)
    }

    @Test("A message that comes again longer than before brings only what is new")
    func overlap() throws {
        var stream = CarriedStream()
        #expect(try stream.take(offset: 0, [1, 2, 3]) == [1, 2, 3])
        #expect(try Array(stream.take(offset: 1, [2, 3, 4])) == [4])
        #expect(try stream.take(offset: 4, []).isEmpty)
        #expect(try stream.take(offset: 0, []).isEmpty)
    }

    @Test("What breaks the rules is refused and changes nothing")
    func violations() throws {
        var stream = CarriedStream()
        let window = Int(CarriedStream.windowByteCount)
        #expect(throws: RelayError.malformed("bytes of a stream are missing")) { try stream.take(offset: 1, [1]) }
        #expect(throws: RelayError.malformed("more bytes are confirmed than were sent")) { try stream.confirm(1) }
        _ = try stream.take(offset: 0, Array(repeating: 7, count: window))
        #expect(throws: RelayError.malformed("a stream holds more bytes than its window")) {
            try stream.take(offset: UInt64(window), [1])
        }
        #expect(throws: RelayError.self) { try stream.take(offset: .max, [1, 2]) }
        #expect(stream.passed(window / 4 - 1) == nil && stream.passed(1) == UInt64(window / 4))
        #expect(try stream.take(offset: UInt64(window), [1]) == [1])
        #expect(stream.send(window) == 0 && stream.room == 0)
        try stream.confirm(5)
        try stream.confirm(3)
        #expect(stream.room == 5)
    }
}
