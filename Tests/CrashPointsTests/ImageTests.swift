// The images of a file against a naive account of what its disk may hold.
import CrashPoints
import Foundation
import Testing

@Suite("Images of a file")
struct ImageTests {
    @Test("Without a change of size they are all that the disk may hold, and nothing else")
    func complete() throws {
        var log = LogWriter()
        var naive = NaiveFile()
        log.write(sector(1, count: 4), at: 0)
        naive.write(sector(1, count: 4), at: 0)
        log.sync()
        naive.sync()
        for (byte, offset, count) in [(2, 0, 512), (3, 512, 1_024), (4, 700, 100), (5, 1_000, 600), (6, 0, 100)] {
            let bytes = [UInt8](repeating: UInt8(byte), count: count)
            log.write(bytes, at: offset)
            naive.write(bytes, at: offset)
        }
        let window = try log.window()
        let found = Set(allImages(window, randomCount: 20_000).map { window.bytes(of: $0) })
        // 3 versions of the first sector, 4 of the second, 3 of the third, 2 of the last.
        #expect(naive.contents().count == 72)
        #expect(found == naive.contents())
    }

    @Test("Random logs leave only what the disk may hold, everything and nothing among it")
    func sound() throws {
        for seed in 0..<60 { try checkRandomLog(seed) }
    }

    private func checkRandomLog(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var log = LogWriter()
        var naive = NaiveFile()
        for number in 0..<(3 + generator.below(5)) {
            switch generator.below(6) {
            case 0:
                log.sync()
                naive.sync()
            case 1:
                let size = generator.below(5) * 400
                log.truncate(size)
                naive.truncate(size)
            default:
                let bytes = [UInt8](repeating: UInt8(number + 1), count: 1 + generator.below(1_200))
                let offset = generator.below(1_500)
                log.write(bytes, at: offset)
                naive.write(bytes, at: offset)
            }
        }
        let window = try log.window()
        let images = allImages(window, randomCount: 300, seed: UInt64(seed))
        let allowed = naive.contents()
        var contents: [UInt128: [UInt8]] = [:]
        for image in images {
            let bytes = window.bytes(of: image)
            #expect(allowed.contains(bytes), "seed \(seed)")
            // The same hash exactly for the same bytes.
            #expect(contents.updateValue(bytes, forKey: image.hash) ?? bytes == bytes, "seed \(seed)")
        }
        #expect(Set(contents.values).count == contents.count, "seed \(seed)")
        let everything = window.image(.without(window.changeCount, isGrown: false))
        #expect(window.bytes(of: everything) == naive.bytes, "seed \(seed)")
        #expect(window.bytes(of: window.image(.subset(0, isGrown: false))) == naive.durable, "seed \(seed)")
    }

    @Test("A torn write that makes the file longer leaves it as long as what of it is there")
    func tornGrowth() throws {
        var log = LogWriter()
        log.write(sector(7, count: 3), at: 0)
        let window = try log.window()
        let sizes = (0...3).map { window.image(.torn(0, sectorCount: $0, withOthers: false)).size }
        #expect(sizes == [0, 512, 1_024, 1_536])
        let grown = window.image(.subset(0, isGrown: true))
        #expect(window.bytes(of: grown) == [UInt8](repeating: 0, count: 1_536))
    }

    @Test("An image written over another one in a file is that image", arguments: [1, 2, 3])
    func mirror(seed: Int) throws {
        var log = LogWriter()
        log.write(sector(1, count: 5), at: 0)
        log.sync()
        log.truncate(1_100)
        log.write(sector(2, count: 3), at: 512)
        log.write([UInt8](repeating: 3, count: 700), at: 2_000)
        let window = try log.window()
        let directory = FileManager.default.temporaryDirectory.path + "/mirror-\(UInt64.random(in: 0...UInt64.max))"
        let mirror = try FileMirror(directory: directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for image in allImages(window, randomCount: 100, seed: UInt64(seed)) {
            try mirror.show(image, of: window)
            let contents = try Data(contentsOf: URL(fileURLWithPath: directory + "/data.mdb"))
            #expect(Array(contents) == window.bytes(of: image))
        }
    }

    @Test("A choice's text is read as it was written, and others are refused")
    func choices() {
        let choices: [ImageChoice] = [
            .subset(0x1F, isGrown: false), .subset(.max, isGrown: true), .without(3, isGrown: false),
            .without(0, isGrown: true), .only(12, isGrown: false), .only(1, isGrown: true),
            .torn(4, sectorCount: 7, withOthers: true), .torn(0, sectorCount: 1, withOthers: false), .random(.max),
        ]
        for choice in choices { #expect(ImageChoice(choice.description) == choice) }
        for text in ["", "subset", "subset-x", "torn-1", "random", "random-1-grown", "other-1"] {
            #expect(ImageChoice(text) == nil)
        }
    }

    @Test("The plan has every subset of a few changes, and each change alone, missing and torn of many")
    func plan() throws {
        var log = LogWriter()
        for number in 0..<3 { log.write(sector(UInt8(number + 1), count: 2), at: number * 1_024) }
        var plan = ChoicePlan(try log.window())
        let subsets = plan.whole.map { plan.choice($0) }
        #expect(Set(subsets).count == 16)
        #expect(subsets.first == .subset(7, isGrown: false) && subsets[1] == .subset(0, isGrown: false))
        #expect(plan.torn.count == 6)
        for number in 3..<20 { log.write(sector(UInt8(number + 1), count: 2), at: number * 1_024) }
        plan = ChoicePlan(try log.window())
        let whole = Set(plan.whole.map { plan.choice($0) })
        for number in 0..<20 {
            #expect(whole.contains(.only(number, isGrown: false)) && whole.contains(.without(number, isGrown: true)))
        }
        let torn = Set(plan.torn.map { plan.choice($0) })
        #expect(torn.count == 40 && torn.contains(.torn(19, sectorCount: 1, withOthers: false)))
    }
}
