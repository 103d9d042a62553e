// The enumeration with a toy store: it finds nothing in a careful one, and finds each deliberate fault.
import CrashPoints
import Testing

@Suite("Enumeration")
struct EnumerationTests {
    private static let subject = Subject("store", .store)

    private func enumeration(
        _ recording: Recording, imageCountMax: Int = 20_000, interval: Int = 10
    ) throws -> Enumeration {
        try Enumeration(
            workload: "toy", recording, subjects: [Self.subject],
            limits: EnumerationLimits(imageCountMax: imageCountMax, fullCheckInterval: interval))
    }

    private func found(_ recording: Recording) throws -> EnumerationResult {
        let enumeration = try enumeration(recording)
        enumeration.run(ToyJudge())
        return try enumeration.result()
    }

    @Test("A careful store has no violation in any image, and each image is looked at once")
    func careful() throws {
        let enumeration = try enumeration(ToyStore.log(6).recording)
        let judge = ToyJudge()
        enumeration.run(judge)
        let result = try enumeration.result()
        #expect(result.violations.isEmpty)
        #expect(Set(judge.contents).count == judge.contents.count)
        #expect(result.imageCount >= judge.contents.count && judge.contents.count > 20)
        #expect(judge.fullCount > 0 && judge.fullCount < judge.contents.count)
    }

    @Test("Two threads look at the same images as one, each once or, by chance, both at the same time")
    func threads() async throws {
        let alone = try enumeration(ToyStore.log(6).recording)
        alone.run(ToyJudge())
        let shared = try enumeration(ToyStore.log(6).recording)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { shared.run(ToyJudge()) } }
        }
        #expect(try shared.result().imageCount == alone.result().imageCount)
        #expect(try shared.result().crashPointCount == alone.result().crashPointCount)
    }

    @Test("A store that does not sync before it writes its header is found out")
    func withoutSync() throws {
        let result = try found(ToyStore.log(6, isCareful: false).recording)
        #expect(result.violations.contains { $0.reason.contains("is not whole") })
    }

    @Test("A recording without its syncs is found out")
    func syncsRemoved() throws {
        let result = try found(ToyStore.log(6).recording.with(.withoutSyncs))
        #expect(result.violations.contains { $0.reason.contains("is not whole") })
    }

    @Test("A single sync that is missing is found out, whichever it is")
    func oneSyncRemoved() throws {
        let recording = ToyStore.log(6).recording
        for (index, operation) in recording.operations.enumerated() where operation.action == .sync {
            var faulty = recording
            faulty.operations.remove(at: index)
            #expect(try found(faulty).violationCount > 0, "sync \(index)")
        }
    }

    @Test("An acknowledgement that is written before the sync is found out")
    func earlyAcknowledgement() throws {
        let result = try found(ToyStore.log(6).recording.with(.earlyAcknowledgement))
        #expect(result.violations.contains { $0.reason.hasPrefix("it holds ") })
    }

    @Test("A file whose name is never certain is found out once its creation was acknowledged")
    func nameNotSynced() throws {
        let operations = ToyStore.log(2).recording.operations.filter { $0.action != .syncDirectory(path: "store") }
        let result = try found(Recording(operations: operations))
        #expect(result.violations.contains { $0.image.hasSuffix(":absent") })
    }

    @Test("A store that says something else than the oracle is found out")
    func journal() throws {
        var log = ToyStore.log(1)
        log.note(.begin, 2, ToyStore.state(1))
        log.note(.done, 2, ToyStore.state(3))
        let result = try found(log.recording)
        #expect(result.violations.map(\.reason).contains { $0.hasPrefix("the store says") })
    }

    @Test("A violation's name repeats its image")
    func rebuilding() throws {
        let recording = ToyStore.log(6).recording.with(.withoutSyncs)
        let violations = try found(recording).violations
        #expect(violations.count > 5)
        for violation in violations {
            let rebuilt = try enumeration(recording).rebuild(ImageName(parsing: violation.image), ToyJudge())
            #expect(rebuilt.fault == violation.reason)
        }
    }

    @Test("No more images than asked for are looked at, or hardly more, and some behind every step")
    func limit() throws {
        let recording = ToyStore.log(100).recording
        let few = try enumeration(recording, imageCountMax: 300)
        few.run(ToyJudge())
        #expect(try (200...600).contains(few.result().imageCount))
        #expect(try few.result().crashPointCount == enumeration(recording).allCrashPoints())
    }

    @Test("An image's name is read as it was written, and others are refused")
    func names() throws {
        let names = NameChoice(rootCount: 1, directoryCount: 20)
        for contents in [ImageChoice.random(77), nil] {
            let name = ImageName(workload: "long", operation: 9, subject: "store", names: names, contents: contents)
            #expect(try ImageName(parsing: name.description) == name)
        }
        for text in ["", "a:b:c:d:e", "a:1:store:1:absent", "a:1:store:1.2:what", "a:-1:store:0.0:absent"] {
            #expect(throws: CrashPointError.self) { try ImageName(parsing: text) }
        }
    }
}

extension Enumeration {
    fileprivate func allCrashPoints() throws -> Int {
        run(ToyJudge())
        return try result().crashPointCount
    }
}
