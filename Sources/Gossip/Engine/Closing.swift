// How links end, and what the other end and the administrator are told of it.
import OrderedCollections
import Replica
import Trust

extension GossipEngine {
    /// Says goodbye and closes.
    mutating func close(_ id: LinkID, _ reason: CloseReason, _ detail: String) {
        guard let link = links[id], link.phase != .closing else { return }
        if link.phase != .dialling { send(.bye(Bye(reason: reason, detail: detail)), over: id) }
        end(id, reason, detail)
        effects.append(.close(id))
    }

    mutating func receive(bye: Bye, from id: LinkID) {
        guard let link = links[id] else { return }
        if bye.reason == .duplicate, let url = link.targetURL, let serverID = link.peerServerID {
            targets[url]?.phase = .satisfied(serverID: serverID)
        }
        end(id, bye.reason, "\(link.peerName) says: \(bye.detail)")
        effects.append(.close(id))
    }

    /// The connection is gone. Without a bye before, the reason says what the network told.
    package mutating func linkClosed(_ id: LinkID, detail: String, at moment: Moment) {
        now = moment
        guard let link = links[id] else { return }
        if link.phase != .closing { end(id, .lost, detail) }
        links[id] = nil
        if let serverID = link.peerServerID, !hasOpenLink(to: serverID) {
            resumeContending(for: serverID)
            wakeTargets(satisfiedBy: serverID)
        }
    }

    func hasOpenLink(to serverID: ServerID) -> Bool {
        links.keys(in: .open).contains { links[$0]?.peerServerID == serverID }
    }

    private mutating func end(_ id: LinkID, _ reason: CloseReason, _ detail: String) {
        guard let link = links[id], link.phase != .closing else { return }
        let wasOpen = link.phase == .open
        link.phase = .closing
        link.closeReason = reason
        link.closeDetail = detail
        link.deadline = now.uptime + settings.handshakeLimit
        link.outbox = Outbox()
        link.round = nil
        link.supply = nil
        link.feeder = nil
        if let url = link.targetURL { targetIsDown(url, link, reason, detail) }
        let quiet: [CloseReason] = [.ownAddress, .duplicate]
        if !quiet.contains(reason), wasOpen || link.role == .acceptor {
            report(
                .linkDown(id, serverID: link.peerServerID, address: link.address, reason: reason, detail: detail))
        }
        updateClockVerdict()
    }
}
