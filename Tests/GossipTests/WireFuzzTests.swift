// Random and damaged bytes: whatever comes in, reading it ends with a message or an error.
import Gossip
import NIOCore
import Replica
import SimulatedWorld
import Testing

@Suite("Wire, damaged")
struct WireFuzzTests {
    private func read(_ bytes: [UInt8]) -> Bool {
        do throws(WireError) {
            guard let message = try Message.decode(ByteBuffer(bytes: bytes)) else { return true }
            return message.encoded().readableBytes <= 4 * bytes.count + 64
        } catch {
            return !error.description.isEmpty
        }
    }

    @Test("Random bytes behind every type are a message or an error", arguments: 1...17 as ClosedRange<UInt8>)
    func random(type: UInt8) {
        var random = SplitMix64(seed: UInt64(type))
        for round in 0..<3_000 {
            let count = Int.random(in: 0...120, using: &random)
            #expect(read([type] + random.bytes(count)), "type \(type), round \(round)")
        }
    }

    @Test("A message with a few bytes changed is a message or an error", arguments: WireExample.all)
    func damaged(example: WireExample) {
        var random = SplitMix64(seed: UInt64(example.bytes.count))
        for round in 0..<3_000 {
            var bytes = example.bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    [0, 1, 0x7F, 0x80, 0xFF, 5].randomElement(
                        using: &random) ?? 0
            }
            #expect(read(bytes), "\(example.name), round \(round)")
        }
    }

    @Test("Symbols survive whatever their counts are", arguments: 0..<50 as Range<UInt64>)
    func counts(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        guard case .symbols(var symbols)? = try Message.decode(try WireExample.named("symbols").buffer) else {
            return #expect(Bool(false))
        }
        symbols.start = UInt32.random(in: 0...1_000, using: &random)
        symbols.mapCount = UInt64.random(in: 0...10_000_000, using: &random)
        symbols.symbols = (0..<100).map { _ in
            CodedSymbol(
                itemIDs: random.next(), itemChecks: UInt32(truncatingIfNeeded: random.next()),
                count: [Int32.min, -1, 0, 1, Int32.max, Int32(truncatingIfNeeded: random.next())].randomElement(
                    using: &random) ?? 0)
        }
        guard case .symbols(let back)? = try Message.decode(Message.symbols(symbols).encoded()) else {
            return #expect(Bool(false))
        }
        #expect(back == symbols, "seed \(seed)")
    }
}
