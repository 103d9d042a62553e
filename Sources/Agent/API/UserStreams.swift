// How many streams without end each user has open: event streams and displays.
import Synchronization

/// Counts open streams by user.
final class UserStreams: Sendable {
    private let counts = Mutex<[String: Int]>([:])

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

    /// Counts one more; nil where the user has as many as he may.
    func open(_ user: String, countMax: Int) -> Place? {
        let isOpened = counts.withLock { counts in
            let count = counts[user] ?? 0
            guard count < countMax else { return false }
            counts[user] = count + 1
            return true
        }
        return isOpened ? Place(self, user) : nil
    }

    private func close(_ user: String) {
        counts.withLock { counts in
            let count = counts[user] ?? 0
            counts[user] = count > 1 ? count - 1 : nil
        }
    }
}
