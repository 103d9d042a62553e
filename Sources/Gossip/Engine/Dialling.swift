// Which access points are dialled, when, and when no longer.
import OrderedCollections
import Replica
import Trust

/// A configured access point.
struct Target: Sendable {
    enum Phase: Sendable, Equatable {
        case waiting(until: Duration)
        case dialling(LinkID)
        case up(LinkID)
        /// Linked to the same member by another link.
        case satisfied(serverID: ServerID)
        /// The URL leads back to this member.
        case ownAddress
    }

    let url: String
    var phase: Phase
    var failureCount = 0
    var lastError: String?
    var serverID: ServerID?
}

extension GossipEngine {
    /// Sets the URLs of the access points to hold links to. Links to others that were dialled end.
    package mutating func setAccessPoints(_ urls: [String], at moment: Moment) {
        now = moment
        for (url, _) in targets where !urls.contains(url) {
            targets[url] = nil
            for link in links.values where link.targetURL == url {
                close(link.id, .configuration, "this access point was removed from the configuration")
            }
        }
        for url in urls where targets[url] == nil {
            targets[url] = Target(url: url, phase: .waiting(until: now.uptime))
        }
        dialDue()
    }

    /// Dials an access point again at once, because its options changed.
    package mutating func redial(_ url: String, at moment: Moment) {
        now = moment
        for link in links.values where link.targetURL == url {
            close(link.id, .configuration, "the options of this access point changed")
        }
        retrySoon(url)
        dialDue()
    }

    /// When an access point is dialled next.
    var nextDial: Duration? {
        mutating get {
            if let knownNextDial { return knownNextDial }
            let waits = targets.values.compactMap { if case .waiting(let until) = $0.phase { until } else { nil } }
            let next = waits.min()
            knownNextDial = .some(next)
            return next
        }
    }

    mutating func dialDue() {
        guard !isShutDown, let next = nextDial, next <= now.uptime else { return }
        for (url, target) in targets {
            guard case .waiting(let due) = target.phase, due <= now.uptime else { continue }
            let id = nextLinkID()
            links[id] = Link(id: id, role: .dialler, address: url, targetURL: url, phase: .dialling, now: now)
            targets[url]?.phase = .dialling(id)
            effects.append(.dial(id, url: url))
        }
    }

    /// A dial that `Effect.dial` asked for came to nothing. The reason is a line for people.
    package mutating func dialFailed(_ id: LinkID, reason: String, at moment: Moment) {
        now = moment
        guard let link = links.removeValue(forKey: id), let url = link.targetURL else { return }
        scheduleRedial(url, reason: reason)
    }

    mutating func targetIsUp(_ link: Link) {
        guard let url = link.targetURL else { return }
        targets[url]?.phase = .up(link.id)
        targets[url]?.failureCount = 0
        targets[url]?.lastError = nil
        targets[url]?.serverID = link.peerServerID
    }

    mutating func targetIsDown(_ url: String, _ link: Link, _ reason: CloseReason, _ detail: String) {
        guard let target = targets[url] else { return }
        switch target.phase {
        case .satisfied(let serverID) where hasOpenLink(to: serverID): return
        case .ownAddress: return
        case .waiting, .dialling, .up, .satisfied: scheduleRedial(url, reason: "\(detail)")
        }
    }

    /// The link that stood in for a target's own is gone.
    mutating func wakeTargets(satisfiedBy serverID: ServerID) {
        for (url, target) in targets where target.phase == .satisfied(serverID: serverID) {
            let due = now.uptime + jittered(settings.backoffMin)
            targets[url]?.phase = .waiting(until: due)
        }
    }

    mutating func retrySoon(_ url: String) {
        guard case .waiting = targets[url]?.phase else { return }
        let due = now.uptime
        targets[url]?.failureCount = 0
        targets[url]?.phase = .waiting(until: due)
    }

    private mutating func scheduleRedial(_ url: String, reason: String) {
        guard let target = targets[url] else { return }
        let doublings = min(target.failureCount, 16)
        let wait = jittered(min(settings.backoffMin * (1 << doublings), settings.backoffMax / 1.5))
        let due = now.uptime + wait
        targets[url]?.failureCount += 1
        targets[url]?.phase = .waiting(until: due)
        if target.lastError != reason {
            targets[url]?.lastError = reason
            report(.accessPointFailing(url: url, reason: reason, retryIn: wait))
        }
    }
}
