// How many streams without end each user has open: event streams and displays.
import Accounts
import Gateway
import HTTPTypes
import Replica
import Synchronization

/// Counts open streams by user.
final class UserStreams: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let serverID: ServerID
    /// How many each user may have.
    private let countMax: @Sendable () -> Int

    init(serverID: ServerID, countMax: @escaping @Sendable () -> Int) {
        self.serverID = serverID
        self.countMax = countMax
    }

    /// One open stream; it ends with the last reference.
    final class Place: Sendable {
        private let streams: UserStreams
        private let user: String

        fileprivate init(_ streams: UserStreams, _ user: String) {
            self.streams = streams
            self.user = user
        }

        deinit { streams.close(user) }
    }

    /// The right of a user to one more stream; it lasts as long as the place is held.
    func open(_ identity: Identity) throws(Problem) -> Place {
        let (user, countMax) = (identity.user, countMax())
        let isOpened = counts.withLock { counts in
            let count = counts[user] ?? 0
            guard count < countMax else { return false }
            counts[user] = count + 1
            return true
        }
        if isOpened { return Place(self, user) }
        throw Problem(
            .tooManyRequests, reason: "too-many-streams",
            detail:
                "\(countMax) event streams and displays of yours are open, as many as there may be; close some of your "
                + "tabs", serverID: serverID)
    }

    private func close(_ user: String) {
        counts.withLock { counts in
            let count = counts[user] ?? 0
            counts[user] = count > 1 ? count - 1 : nil
        }
    }
}
