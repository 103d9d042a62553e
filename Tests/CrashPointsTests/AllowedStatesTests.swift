// Which states are allowed when, and what a check's answer is worth.
import CrashPoints
import Testing

@Suite("Allowed states")
struct AllowedStatesTests {
    private func states(_ notes: [Note]) -> AllowedStates {
        var allowed = AllowedStates()
        for note in notes { allowed.apply(note) }
        return allowed
    }

    private func begin(_ number: Int) -> Note { Note(.begin, subject: "store", number: number, state: state(number)) }
    private func note(_ word: Note.Word, _ number: Int) -> Note { Note(word, subject: "store", number: number) }
    private func state(_ number: Int) -> MapState { MapState(entryCount: number) }

    @Test("The state acknowledged last is allowed, and each that is under way, and no other one")
    func underWay() {
        let allowed = states([begin(1), note(.done, 1), begin(2), begin(3), begin(4), note(.done, 2)])
        #expect((1...5).map { allowed.allows(state($0)) } == [false, true, true, true, false])
    }

    @Test("An operation that was answered with an error left nothing behind")
    func failed() {
        let allowed = states([begin(1), note(.done, 1), begin(2), note(.failed, 2)])
        #expect(allowed.allows(state(1)) && !allowed.allows(state(2)))
    }

    @Test("A store need not be there before its creation was acknowledged, but it must be possible to make one")
    func creation() {
        let creating = states([begin(0)])
        let created = states([begin(0), note(.done, 0)])
        let absent = ImageResult.refused("there is none", .empty)
        #expect(creating.fault(absent, .noFile(beside: []), .store) == nil)
        #expect(creating.fault(absent, .file(0), .store) == nil)
        #expect(created.fault(absent, .noFile(beside: []), .store) != nil)
        #expect(creating.fault(.refused("torn", .failed("no")), .file(0), .store) != nil)
        #expect(creating.fault(.refused("torn", .holding(state(1))), .file(0), .store) != nil)
        #expect(creating.fault(.state(state(0)), .file(0), .store) == nil)
    }

    @Test("A backup is absent or whole")
    func backup() {
        let taking = states([begin(0)])
        #expect(taking.fault(.refused("there is none", .failed("")), .noFile(beside: []), .backup) == nil)
        #expect(taking.fault(.refused("torn", .failed("")), .file(0), .backup) != nil)
        #expect(taking.fault(.state(state(0)), .file(0), .backup) == nil)
        #expect(taking.fault(.state(state(1)), .file(0), .backup) != nil)
    }

    @Test("Damage and death are never allowed")
    func damage() {
        let allowed = states([begin(0)])
        #expect(allowed.fault(.damaged("an entry"), .file(0), .store) != nil)
        #expect(allowed.fault(.died("signal 7"), .file(0), .store) != nil)
    }

    @Test("A result's line is read as it was written")
    func lines() {
        let results: [ImageResult] = [
            .state(state(3)), .damaged("1 of 2 entries"), .refused("no table", .empty),
            .refused("no table", .holding(state(1))), .refused("no table", .failed("nor this")), .died("signal 7"),
        ]
        for result in results { #expect(ImageResult(line: result.line) == result) }
        #expect(ImageResult.damaged("two\nlines\tand a tab").line == "damaged two lines and a tab")
        for line in ["", "state 1 2", "refused this", "other"] { #expect(ImageResult(line: line) == nil) }
    }
}
