// Tickets: what each is good for, how often and how long; and which URLs browsers may try directly.
import API
import Accounts
import Displays
import OperatingSystem
import TestSupport
import Testing

@Suite("Tickets for displays")
struct DisplayTicketsTests {
    private let tickets = DisplayTickets()
    private let start = ContinuousClock.now

    private func identity(_ user: String) -> Identity {
        Identity(
            user: user, uid: 1_000, groups: [], role: .user, loginID: "login of \(user)", issuer: "m",
            csrfToken: "secret")
    }

    private func make(_ user: String = "ann", for session: String = "s", after: Duration = .zero) -> String {
        tickets.make(for: identity(user), sessionID: session, at: start + after)
    }

    private func user(of ticket: String, for session: String = "s", after: Duration = .zero) -> String? {
        tickets.use(ticket, sessionID: session, at: start + after)?.user
    }

    @Test("A ticket stands for its user and his login, once, and not for his changes")
    func once() throws {
        let ticket = make()
        let identity = try #require(tickets.use(ticket, sessionID: "s", at: start))
        #expect(identity.user == "ann" && identity.loginID == "login of ann" && identity.issuer == "m")
        #expect(identity.csrfToken == nil)
        #expect(user(of: ticket) == nil)
    }

    @Test("A ticket is good for less than ten seconds")
    func lifetime() {
        let (young, old) = (make(), make())
        #expect(user(of: young, after: .milliseconds(9_999)) == "ann")
        #expect(user(of: old, after: .seconds(10)) == nil)
    }

    @Test("A ticket of another session is not good, and used up by the try")
    func otherSession() {
        let ticket = make(for: "s")
        #expect(user(of: ticket, for: "t") == nil)
        #expect(user(of: ticket, for: "s") == nil)
    }

    @Test("A ticket of another member, a guessed and a changed one are not good")
    func guessed() {
        let ticket = make()
        let foreign = DisplayTickets().make(for: identity("ann"), sessionID: "s", at: start)
        for wrong in ["", "0", String(repeating: "0", count: 64), ticket + "0", String(ticket.dropLast()), foreign] {
            #expect(user(of: wrong) == nil, "\(wrong)")
        }
        #expect(user(of: ticket) == "ann")
    }

    @Test("Tickets are 256 random bits in characters that a subprotocol may have")
    func text() {
        let made = (0..<100).map { _ in make() }
        #expect(Set(made).count == 100)
        #expect(made.allSatisfy { $0.count == 64 && HexText.decode($0) != nil })
    }

    @Test("A user's oldest ticket goes when he has too many, and nobody else's")
    func tooMany() {
        let other = make("bob")
        let made = (0...DisplayTickets.perUserMax).map { make(after: .milliseconds($0)) }
        let later = Duration.seconds(1)
        #expect(user(of: made[0], after: later) == nil)
        #expect(made.dropFirst().allSatisfy { user(of: $0, after: later) == "ann" })
        #expect(user(of: other, after: later) == "bob")
    }

    @Test("Old tickets make room for new ones")
    func forgotten() {
        for number in 0..<DisplayTickets.perUserMax { _ = make(after: .milliseconds(number)) }
        let made = (0..<DisplayTickets.perUserMax).map { make(after: .seconds(11) + .milliseconds($0)) }
        #expect(made.allSatisfy { user(of: $0, after: .seconds(12)) == "ann" })
    }

    @Test(
        "A ticket is found among the subprotocols",
        arguments: [
            ("binary", nil), ("", nil), ("fastx-ticketx", nil), ("binary,fastx-ticket.ab", "ab"),
            ("fastx-ticket.ab,binary", "ab"), ("fastx-ticket.", ""), ("fastx-ticket.a,fastx-ticket.b", "a"),
        ] as [(String, String?)])
    func subprotocol(offered: String, expected: String?) {
        #expect(DisplayTickets.ticket(in: offered.split(separator: ",")) == expected)
    }

    @Test(
        "Only what a page's policy can name is tried directly",
        arguments: [
            ("https://host.example:3300", "wss://host.example:3300"), ("https://192.0.2.1", "wss://192.0.2.1:3300"),
            ("https://[2001:db8::1]:3300", nil), ("https://my_host:3300", nil), ("http://host:3300", nil),
            ("https://host:3300/; script-src *", nil), ("https://host evil:3300", nil),
        ] as [(String, String?)])
    func origin(url: String, expected: String?) {
        #expect(DirectOrigin.of(url) == expected)
    }
}
