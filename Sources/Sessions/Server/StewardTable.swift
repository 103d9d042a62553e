// The agent's record of connected stewards and of the requests that they have not answered yet.
import Glibc
import OperatingSystem

/// One connected steward.
struct ConnectedSteward {
    /// Tells this connection from an earlier one of the same user.
    let number: UInt64
    let socket: PacketSocket
    var sessions: [String: SessionReport] = [:]
    /// Requests under way, by number.
    var requests: [UInt64: PendingRequest] = [:]
}

/// A request under way.
struct PendingRequest {
    let request: StewardRequest
    let continuation: CheckedContinuation<Result<StewardReply, StewardError>, Never>
    /// Ends the request when its time is over.
    let timer: Task<Void, Never>
}

/// Everything that `StewardServer` knows, guarded by its lock.
struct StewardTable {
    /// What stewards are told.
    var settings: StewardSettings
    /// Sessions that one of them may report.
    var sessionCountMax: Int
    var isClosed = false
    var stewards: [uid_t: ConnectedSteward] = [:]
    var loginCounts: [uid_t: Int] = [:]
    /// Connections that have not said hello, by user.
    var greeting: [uid_t: Int] = [:]
    var events = StewardEventQueue()
    var eventReader: CheckedContinuation<StewardEvent?, Never>?
    var stewardWaiters: [uid_t: [UInt64: CheckedContinuation<Bool, Never>]] = [:]
    private var lastNumber: UInt64 = 0

    init(settings: StewardSettings, sessionCountMax: Int) {
        self.settings = settings
        self.sessionCountMax = sessionCountMax
    }

    /// A number that was not used before, for a connection, a request or a waiter.
    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    var greetingCount: Int { greeting.values.reduce(0, +) }

    /// Counts a connection that has yet to say hello; `false` when there are too many.
    mutating func beginGreeting(_ uid: uid_t, countMax: Int, countForUserMax: Int) -> Bool {
        guard greetingCount < countMax, greeting[uid, default: 0] < countForUserMax else { return false }
        greeting[uid, default: 0] += 1
        return true
    }

    mutating func endGreeting(_ uid: uid_t) {
        let rest = (greeting[uid] ?? 1) - 1
        greeting[uid] = rest > 0 ? rest : nil
    }

    /// Takes an unanswered request of a connection away, so that it is resumed once.
    mutating func takeRequest(_ uid: uid_t, connection: UInt64, _ number: UInt64) -> PendingRequest? {
        guard stewards[uid]?.number == connection else { return nil }
        return stewards[uid]?.requests.removeValue(forKey: number)
    }

    mutating func takeWaiters(_ uid: uid_t) -> [CheckedContinuation<Bool, Never>] {
        (stewardWaiters.removeValue(forKey: uid) ?? [:]).map(\.value)
    }
}
