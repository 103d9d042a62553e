// Tickets, each of which opens one session's display once: for browsers whose login cookie is another member's.
package import Accounts
import OperatingSystem
import Synchronization

/// The tickets that this member has made and nobody has used yet, in memory alone.
package final class DisplayTickets: Sendable {
    /// From the making of a ticket to its use; a page uses it as soon as it has it.
    package static let lifetime: Duration = .seconds(10)
    /// Unused tickets of one user: as many as he may have displays open unless configured otherwise. The oldest goes
    /// when another is made.
    package static let perUserMax = 100
    /// More than can be guessed, in hex digits twice as many.
    private static let byteCount = 32

    /// What stands for a ticket here.
    private struct Ticket: Sendable {
        let identity: Identity
        let sessionID: String
        let made: ContinuousClock.Instant
    }

    /// By the hash of the ticket's text, which is nowhere kept.
    private let tickets = Mutex<[[UInt8]: Ticket]>([:])

    /// No tickets: those of an earlier process are worth nothing.
    package init() {}

    /// A new ticket for the display of a session, with all that its user's login may do there and nothing else.
    package func make(for identity: Identity, sessionID: String, at now: ContinuousClock.Instant) -> String {
        var identity = identity
        // A display changes nothing over HTTP.
        identity.csrfToken = nil
        let text = HexText.encode(RandomBytes.make(Self.byteCount))
        let ticket = Ticket(identity: identity, sessionID: sessionID, made: now)
        tickets.withLock { tickets in
            tickets = tickets.filter { Self.isGood($0.value, at: now) }
            let own = tickets.filter { $0.value.identity.user == identity.user }
            if own.count >= Self.perUserMax, let oldest = own.min(by: { $0.value.made < $1.value.made }) {
                tickets[oldest.key] = nil
            }
            tickets[CodeHash.of(text)] = ticket
        }
        return text
    }

    /// Who may open the display of a session with a ticket; nil where it is not good for that. Whatever it is used for,
    /// it is used up.
    package func use(_ text: String, sessionID: String, at now: ContinuousClock.Instant) -> Identity? {
        let ticket = tickets.withLock { $0.removeValue(forKey: CodeHash.of(text)) }
        guard let ticket, ticket.sessionID == sessionID, Self.isGood(ticket, at: now) else { return nil }
        return ticket.identity
    }

    private static func isGood(_ ticket: Ticket, at now: ContinuousClock.Instant) -> Bool {
        now - ticket.made < lifetime
    }
}

extension DisplayTickets {
    /// A ticket is offered as a subprotocol of the WebSocket (RFC 6455, section 4.1), the one field of an upgrade that a
    /// page can fill in and that stands in no address and no log.
    static let subprotocolPrefix = "fastx-ticket."

    /// The ticket among the subprotocols that a browser offers; nil where there is none.
    package static func ticket(in offered: [Substring]) -> String? {
        offered.first { $0.hasPrefix(subprotocolPrefix) }.map { String($0.dropFirst(subprotocolPrefix.count)) }
    }
}
