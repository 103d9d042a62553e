// What the agent's side tells of stewards, and the queue in which it waits to be read.
package import Glibc

/// Something that changed. Of several changes of one thing that nobody has read yet, the last one is told.
package enum StewardEvent: Sendable, Hashable {
    /// A steward of the user has said hello; its sessions follow. Told again, without `disconnected`, when another
    /// process of the user takes the connection over: all that was known of the user's sessions is void then.
    case connected(uid_t)
    /// The user's steward has gone. It comes after its last reports; the sessions may live on.
    case disconnected(uid_t)
    /// A session is new or has changed.
    case session(uid_t, SessionReport)
    /// A session was purged.
    case removed(uid_t, id: String)
}

/// Events that wait. It holds at most one of each session and one of each user, however slow the reader.
package struct StewardEventQueue {
    private enum Subject: Hashable {
        case user(uid_t)
        case session(uid_t, String)
    }

    private var latest: [Subject: (order: UInt64, event: StewardEvent)] = [:]
    private var order: [(order: UInt64, subject: Subject)] = []
    private var first = 0
    private var nextOrder: UInt64 = 0

    /// Nothing waits.
    package init() {}

    /// Adds an event, in the place of one of the same session that nobody has read yet. Events of users themselves come
    /// after all that was there before.
    package mutating func append(_ event: StewardEvent) {
        let subject: Subject
        var isNewPlace = false
        switch event {
        case .connected(let uid):
            subject = .user(uid)
            isNewPlace = true
            // What an earlier connection reported says nothing any more; what follows must come later than this.
            latest = latest.filter { key, _ in
                if case .session(uid, _) = key { return false }
                return true
            }
        case .disconnected(let uid):
            subject = .user(uid)
            // After the last reports, which may tell how sessions ended.
            isNewPlace = true
        case .session(let uid, let report): subject = .session(uid, report.id)
        case .removed(let uid, let id): subject = .session(uid, id)
        }
        if !isNewPlace, let place = latest[subject]?.order {
            latest[subject] = (place, event)
            return
        }
        latest[subject] = (nextOrder, event)
        order.append((nextOrder, subject))
        nextOrder += 1
        compact()
    }

    /// Takes out what has waited longest; `nil` when nothing waits.
    package mutating func popFirst() -> StewardEvent? {
        while first < order.count {
            let (number, subject) = order[first]
            first += 1
            guard let found = latest[subject], found.order == number else { continue }
            latest[subject] = nil
            compact()
            return found.event
        }
        return nil
    }

    /// Takes away places that were read or are void, so that the list is at most twice as long as what waits.
    private mutating func compact() {
        guard order.count > 64, order.count > 2 * latest.count else { return }
        order = order[first...].filter { latest[$0.subject]?.order == $0.order }
        first = 0
    }
}
