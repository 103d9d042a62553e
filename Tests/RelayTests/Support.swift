// What all tests of the relay need: a seeded generator, and a hub that is asked in few words.
import Engines
import Relay
import Replica
import TestSupport
import Testing

/// SplitMix64.
struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

extension RelayHub {
    init(seed: UInt64 = 1) { self.init(random: Seeded(seed)) }

    /// Events sent over a link, with their ids, among the effects that there are.
    mutating func takeSent(over link: HubLinkID) -> [(event: RelayEvent, id: String?)] {
        takeEffects().compactMap { effect in
            guard case .send(link, let event, let id) = effect else { return nil }
            return (event, id)
        }
    }

    /// The nonce in the only dial that was said.
    mutating func takeNonce() throws -> String {
        let nonces = takeEffects().compactMap { effect -> String? in
            guard case .send(_, .dial(let nonce), let id) = effect, id == nil else { return nil }
            return nonce
        }
        guard nonces.count == 1 else { throw RelayError.malformed("\(nonces.count) dials were said") }
        return nonces[0]
    }

    /// A link, with the id that its member has then.
    mutating func link(
        _ member: ServerID, after last: String? = nil, at now: Duration = .zero
    ) throws -> (id: HubLinkID, name: String, last: String?) {
        _ = takeEffects()
        let id = try linkOpened(member, lastEventID: last, at: now)
        let sent = takeSent(over: id)
        guard case .hello(_, let name)? = sent.first?.event else { throw RelayError.malformed("no hello") }
        return (id, name, sent.last { $0.id != nil }?.id)
    }

    /// A carried stream to a linked member.
    mutating func stream(to member: ServerID, at now: Duration = .zero) throws -> String {
        _ = takeEffects()
        _ = try dial(member, at: now)
        let nonce = try takeNonce()
        _ = try carried(nonce, by: member, at: now)
        return nonce
    }
}

extension RelayEvent {
    /// As a parser gives it.
    func part(id: String? = nil) throws -> EventStreamParser.Part {
        var parser = EventStreamParser(byteCountMax: Self.byteCountMax)
        let parts = try parser.parse(text(id: id))
        return try #require(parts.first)
    }
}
