// From a connection to an open link: proofs, and every reason for which none comes about.
import Gossip
import NIOCore
import Replica
import SimulatedWorld
import Testing
import Trust

@Suite("Handshake")
struct HandshakeTests {
    private func makePair(_ first: KeyRing, _ second: KeyRing) -> World {
        let world = World(seed: 1)
        world.add("b", second)
        world.add("a", first, dials: ["b"])
        return world
    }

    @Test("Two members with a common key open a link and agree on the key")
    func common() throws {
        let world = makePair(try makeRing(0, 40), try makeRing(80, 0))
        world.run(for: .seconds(1))
        let key = try makeKey(0).id
        #expect(world["a"].openLinks(to: "b").map(\.keyIDs) == [[key]])
        #expect(world["b"].openLinks(to: "a").map(\.keyIDs) == [[key]])
        #expect(world.violations.isEmpty)
    }

    @Test("Without a common key both ends say so, and name the keys they have")
    func noCommonKey() throws {
        let world = makePair(try makeRing(0), try makeRing(40))
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        let failure = try #require(world["a"].failures.first)
        #expect(failure.contains("no common key"))
        #expect(failure.contains(try makeKey(0).id.description))
        #expect(failure.contains(try makeKey(40).id.description))
        let down = try #require(world["b"].downs.first)
        #expect(down.reason == .noCommonKey)
        #expect(down.detail.contains(try makeKey(0).id.description))
    }

    @Test("A member without any key joins nobody")
    func noKey() throws {
        let world = makePair(KeyRing(), KeyRing())
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["b"].downs.first?.reason == .noCommonKey)
    }

    @Test("When the ends see different certificates both refuse the link as a certificate mismatch")
    func interception() throws {
        let world = World(seed: 2)
        world.intercepted["b"] = [UInt8](repeating: 9, count: 32)
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["a"].failures.first?.contains("certificate mismatch") == true)
        #expect(world["b"].downs.first?.reason == .proofFailed)
        #expect(world["b"].downs.first?.reason.slug == "certificate-mismatch")
    }

    @Test("An end that is bound to a certificate refuses one that is not")
    func halfBound() throws {
        let world = World(seed: 3)
        world.add("b", try makeRing(0)).certificateHash = nil
        world.intercepted["b"] = [UInt8](repeating: 9, count: 32)
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["b"].openLinkCount == 0)
    }

    @Test("A proof repeated by whoever received it proves nothing")
    func reflection() throws {
        let world = World(seed: 4)
        var seen: Message?
        world.tamper = { member, message in
            guard case .proof = message else { return message }
            if member.name == "a" { seen = message }
            return member.name == "a" ? message : seen
        }
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .milliseconds(70))
        #expect(world["a"].openLinkCount == 0)
    }

    @Test("A member that speaks only a later protocol version is refused at both ends with the versions")
    func version() throws {
        let world = World(seed: 5)
        world.tamper = { member, message in
            guard member.name == "b", case .hello(var hello) = message else { return message }
            hello.version = 9
            hello.versionMin = 8
            return .hello(hello)
        }
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["a"].failures.first?.contains("8 to 9 at b") == true)
        #expect(world["b"].downs.first.map { $0.reason == .protocolVersion } == true)
    }

    @Test("A member that dials itself ends the link quietly and dials no more")
    func ownAddress() throws {
        let world = World(seed: 6)
        world.add("a", try makeRing(0), dials: ["a"])
        world.run(for: .seconds(120))
        #expect(world.dialCount == 1)
        #expect(world["a"].downs.isEmpty)
        #expect(world["a"].failures.isEmpty)
        #expect(world["a"].reports.contains(.ownAddress(url: "a")))
        #expect(world["a"].accessPointStatuses.map(\.phase) == ["own-address"])
        #expect(world.violations.isEmpty)
    }

    @Test("A peer that says nothing is let go when the handshake's time is up")
    func mute() throws {
        let world = World(seed: 7)
        world.tamper = { member, message in member.name == "b" ? nil : message }
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(11))
        #expect(world["a"].failures.first?.contains("handshake") == true)
    }

    @Test("Data before the proof of a key ends the link")
    func early() throws {
        let world = World(seed: 8)
        world.tamper = { member, message in
            guard member.name == "b", case .proof = message else { return message }
            return try? Message.decode(ByteBuffer(bytes: [8, 0, 0, 0, 0, 0, 0, 0]))
        }
        world.add("b", try makeRing(0))
        world.add("a", try makeRing(0), dials: ["b"])
        world.run(for: .seconds(1))
        #expect(world["a"].openLinkCount == 0)
        #expect(world["a"].failures.first?.contains("before the proof") == true)
    }

    @Test("A member that shuts down says so to its peers")
    func shutDown() throws {
        let world = makePair(try makeRing(0), try makeRing(0))
        world.run(for: .seconds(1))
        world["b"].input { $0.shutDown(at: $1) }
        world.run(for: .milliseconds(100))
        #expect(world["a"].downs.map(\.reason) == [.shutdown])
        #expect(world["b"].openLinkCount == 0)
    }
}
