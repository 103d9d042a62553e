// The event stream's memory: what is told again, and when everything has to be loaded anew.
import API
import Accounts
import Gateway
import JSON
import Testing

@Suite("Events for users")
struct UserEventsTests {
    private let events = UserEvents()

    private func publish(_ count: Int) {
        for number in 0..<count { events.publish("n", of: nil, .integer(Int64(number))) }
    }

    @Test("Who begins is told what comes from then on")
    func begins() async {
        publish(3)
        let (missed, last, more) = events.follow(after: nil)
        #expect(missed?.isEmpty == true && last == 3)
        publish(1)
        var iterator = more.makeAsyncIterator()
        #expect(await iterator.next()?.number == 4)
    }

    @Test("Who comes back is told what he missed, and where that is not known any more, nothing")
    func resumes() {
        publish(10)
        #expect(events.follow(after: 7).missed?.map(\.number) == [8, 9, 10])
        #expect(events.follow(after: 10).missed?.isEmpty == true)
        #expect(events.follow(after: 11).missed == nil)
        #expect(events.follow(after: .max).missed == nil)
        publish(UserEvents.keptCountMax)
        #expect(events.follow(after: 7).missed == nil)
        #expect(events.follow(after: 10).missed?.count == UserEvents.keptCountMax)
    }

    @Test("An event of a user is for him, and for managers who ask for everybody's")
    func visible() {
        let event = UserEvent(number: 1, name: "session", user: "ann", data: [:])
        func identity(_ user: String, _ role: Role) -> Identity {
            Identity(
                user: user, uid: nil, groups: [], role: role, loginID: nil, issuer: nil, csrfToken: nil)
        }
        #expect(event.isVisible(to: identity("ann", .user), all: false))
        #expect(!event.isVisible(to: identity("bob", .user), all: true))
        #expect(event.isVisible(to: identity("bob", .manager), all: true))
        #expect(!event.isVisible(to: identity("bob", .manager), all: false))
        #expect(
            UserEvent(number: 1, name: "server", user: nil, data: [:]).isVisible(
                to: identity("bob", .user), all: false))
    }
}
