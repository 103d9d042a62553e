// Plays operations on a real store, asks the oracle what each must lead to, and notes both.
import Replica
import Store

/// One store of a workload.
final class StorePlayer {
    /// The origin of what is written here.
    static let origin = Origin(raw: 0x0A0B_0C0D_0E0F_1011)
    /// A commit makes a few calls. A store that fails for longer does not mend itself.
    private static let failedCallCountMax = 100
    /// Between two operations, so that the clocks of most entries differ.
    private static let stepMilliseconds: UInt64 = 3

    let stage: Stage
    let subject: String
    private(set) var oracle = Oracle(origin: StorePlayer.origin)
    private var store: Store?
    private var lastNumber = 0

    init(_ stage: Stage, subject: String = "store") {
        self.stage = stage
        self.subject = subject
    }

    var now: WallTime { stage.clock.now }
    var directory: String { stage.path(subject) }

    private func openStore() throws(CrashPointError) -> Store {
        if let store { return store }
        throw .workload("its store is not open")
    }

    private func note(_ word: Note.Word, _ state: MapState? = nil) throws(CrashPointError) {
        try stage.journal.write(Note(word, subject: subject, number: lastNumber, state: state))
    }

    // MARK: Opening and closing

    func open(_ options: StoreOptions = StoreOptions()) throws {
        lastNumber += 1
        oracle.open()
        try note(.begin, oracle.state)
        let clock = stage.clock
        let opened = try Store.open(directory: directory, options: options, origin: Self.origin) { clock.now }
        store = opened
        try note(.done, MapState(opened))
    }

    func close() async throws {
        await (try openStore()).close()
        store = nil
    }

    // MARK: Operations

    /// One operation: what it does to the map by the oracle, and to the store.
    func perform(_ change: (inout Oracle) -> Void, _ body: (Store) async throws -> Void) async throws {
        let store = try openStore()
        stage.clock.advance(byMilliseconds: Self.stepMilliseconds)
        var next = oracle
        change(&next)
        lastNumber += 1
        try note(.begin, next.state)
        try await body(store)
        oracle = next
        try note(.done, try MapState(store))
    }

    func write(_ writes: [LocalWrite]) async throws {
        try await perform({ [now = nextTime] in $0.write(writes, expecting: [:], at: now) }) { store in
            _ = try await store.write(writes)
        }
    }

    /// A conditional write, which may find something else than it expects.
    func write(_ writes: [LocalWrite], expecting: [Key: Version?]) async throws {
        try await perform({ [now = nextTime] in $0.write(writes, expecting: expecting, at: now) }) { store in
            do throws(StoreError) {
                _ = try await store.write(writes, expecting: expecting)
            } catch .conflict {
                // By the oracle it changes nothing then, and the notes are compared.
            }
        }
    }

    func merge(_ entries: [Entry]) async throws {
        try await perform({ [now = nextTime] in $0.merge(entries, at: now) }) { store in
            _ = try await store.merge(EntryBatch(entries), scope: .everything, source: 1)
        }
    }

    func expire() async throws {
        try await perform({ [now = nextTime] oracle in
            for key in oracle.due(at: now) { oracle.purge(key) }
        }) { store in
            _ = try await store.expire()
        }
    }

    func restampAhead() async throws {
        try await perform({ [now = nextTime] in $0.restamp(at: now) }) { store in
            _ = try await store.restampAhead()
        }
    }

    func putLocal(_ key: [UInt8], _ value: [UInt8]) async throws {
        try await perform({ $0.putLocal(key, value) }) { try await $0.putLocal(key, value) }
    }

    func deleteLocal(_ key: [UInt8]) async throws {
        try await perform({ $0.deleteLocal(key) }) { try await $0.deleteLocal(key) }
    }

    /// The time of the next operation.
    private var nextTime: WallTime { now.advanced(byMilliseconds: Self.stepMilliseconds) }

    /// Notes the beginning of an operation, before others that have begun are done. The caller notes its end.
    func begin(_ change: (inout Oracle) -> Void) throws(CrashPointError) -> (Store, number: Int) {
        let store = try openStore()
        change(&oracle)
        lastNumber += 1
        try note(.begin, oracle.state)
        return (store, lastNumber)
    }

    /// Notes that all operations that have begun are done.
    func endAll() throws {
        lastNumber += 1
        try note(.begin, oracle.state)
        try note(.done, try MapState(try openStore()))
    }

    // MARK: Failures

    /// A write during which a sync fails. The store says so, and nothing of it is there.
    func writeWithFailedSync(_ writes: [LocalWrite], error: Int32) async throws {
        let control = try stage.requireControl()
        let store = try openStore()
        var next = oracle
        next.write(writes, expecting: [:], at: now)
        lastNumber += 1
        try note(.attempt, next.state)
        control.fail(.sync, number: 1, error: error)
        let failure = await Self.failure(store, writes)
        control.disarm()
        if failure == nil { throw CrashPointError.workload("a write was acknowledged although its sync failed") }
        try note(.failed)
    }

    /// A write that is tried until no call of it fails any more: first its first call on the file fails, then its
    /// second one.
    func writeWithEachCallFailed(_ writes: [LocalWrite], error: Int32) async throws {
        let control = try stage.requireControl()
        let store = try openStore()
        for number in 1...Self.failedCallCountMax {
            stage.clock.advance(byMilliseconds: Self.stepMilliseconds)
            var next = oracle
            next.write(writes, expecting: [:], at: now)
            lastNumber += 1
            try note(.begin, next.state)
            control.fail(.write, number: UInt64(number), error: error)
            let failure = await Self.failure(store, writes)
            control.disarm()
            if failure == nil {
                oracle = next
                return try note(.done, try MapState(store))
            }
            try note(.failed)
        }
        throw CrashPointError.workload("a write failed \(Self.failedCallCountMax) times, though each call only once")
    }

    private static func failure(_ store: Store, _ writes: [LocalWrite]) async -> StoreError? {
        do {
            _ = try await store.write(writes)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Backups

    /// Takes a backup while other writes go on; it may hold any state on the way.
    func backup(to target: String, during writes: [[LocalWrite]] = []) async throws {
        let store = try openStore()
        let path = stage.path(target) + "/" + Subject.dataFileName
        var states = [oracle.state]
        func noteState() throws(CrashPointError) {
            let note = Note(.begin, subject: target, number: states.count, state: states.last)
            try stage.journal.write(note)
        }
        try noteState()
        let backup = Task { try await store.backup(to: path) { _ in } }
        for some in writes {
            var next = oracle
            next.write(some, expecting: [:], at: nextTime)
            states.append(next.state)
            try noteState()
            try await write(some)
        }
        try await backup.value
        let found = try Self.check(stage.path(target))
        let number = (states.firstIndex(of: found) ?? states.count - 1) + 1
        try stage.journal.write(Note(.done, subject: target, number: number, state: found))
    }

    /// Replaces the closed store by a backup that an oracle describes.
    func restore(from source: String, _ restored: Oracle) throws {
        lastNumber += 1
        try note(.begin, restored.state)
        try Self.restore(stage.path(source) + "/" + Subject.dataFileName, directory)
        oracle = restored
        try note(.done, try Self.check(directory))
    }

    /// The same while a sync fails.
    func restoreWithFailedSync(from source: String, _ restored: Oracle, number: UInt64, error: Int32) throws {
        let control = try stage.requireControl()
        lastNumber += 1
        try note(.attempt, restored.state)
        control.fail(.sync, number: number, error: error)
        let failure = Self.failure(restoring: stage.path(source) + "/" + Subject.dataFileName, directory)
        control.disarm()
        if failure == nil { throw CrashPointError.workload("a store was restored although a sync failed") }
        try note(.failed)
    }

    private static func failure(restoring backup: String, _ directory: String) -> StoreError? {
        do {
            try restore(backup, directory)
            return nil
        } catch {
            return error
        }
    }

    // The blocking forms, which async code reaches only through plain functions.
    private static func restore(_ backup: String, _ directory: String) throws(StoreError) {
        try Store.restore(from: backup, to: directory)
    }

    private static func check(_ directory: String) throws(StoreError) -> MapState {
        let report = try Store.check(directory: directory) { _ in }
        if report.isSound { return MapState(report) }
        throw .damaged(path: directory, reason: "a check of it found \(report.damagedCount) damaged entries")
    }
}
