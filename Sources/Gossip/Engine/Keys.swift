// Proofs of cluster keys: at the beginning of a link, and again whenever either end's keys change.
import OrderedCollections
import Replica
package import Trust

extension GossipEngine {
    /// This member's keys changed: every open link proves again, and ends if no proven key remains.
    package mutating func setKeyRing(_ keyRing: KeyRing, at moment: Moment) {
        now = moment
        self.keyRing = keyRing
        for (id, link) in zip(links.keys, links.values) {
            switch link.phase {
            case .open:
                links[id]?.proven.removeAll { keyRing[$0] == nil }
                sendChallenge(over: id)
            case .greeting, .contending, .proving:
                close(id, .configuration, "the cluster keys of \(identity.serverID) changed during the handshake")
            case .dialling, .closing: break
            }
        }
        for url in targets.keys { retrySoon(url) }
    }

    private mutating func sendChallenge(over id: LinkID) {
        guard let link = links[id] else { return }
        let challenge = Challenge(
            number: link.challengeCount + 1, nonce: randomBytes(Hello.nonceByteCount), keyIDs: keyRing.ids)
        link.challengeCount += 1
        link.challenge = (challenge.number, challenge.nonce)
        link.challengeDeadline = now.uptime + settings.challengeWait
        send(.challenge(challenge), over: id)
    }

    mutating func sendProof(over id: LinkID, challenge: UInt32, nonce: [UInt8]) {
        guard let link = links[id] else { return }
        let message = Self.proofMessage(link.role, link.transcript, challenge: challenge, nonce: nonce)
        let keys = keyRing.keys.map { Proof.KeyProof(keyID: $0.id, code: $0.linkProof(over: message)) }
        send(.proof(Proof(challenge: challenge, keys: keys)), over: id)
    }

    /// What a proof is made over: who proves, what was seen of the handshake, and what was asked.
    static func proofMessage(_ role: LinkRole, _ transcript: [UInt8], challenge: UInt32, nonce: [UInt8]) -> [UInt8] {
        var message = [role.rawValue]
        message += transcript
        message += unsafe withUnsafeBytes(of: challenge.bigEndian) { unsafe Array($0) }
        message += nonce
        return message
    }

    /// The keys of a proof that this member has too, and that the peer really holds.
    func verified(_ proof: Proof, from link: Link, nonce: [UInt8]) -> [KeyID] {
        let message = Self.proofMessage(link.role.other, link.transcript, challenge: proof.challenge, nonce: nonce)
        return proof.keys.compactMap { claim in
            guard let key = keyRing[claim.keyID], key.verifies(linkProof: claim.code, over: message) else { return nil }
            return key.id
        }
    }

    mutating func receive(challenge: Challenge, from id: LinkID) {
        guard let link = links[id] else { return }
        sendProof(over: id, challenge: challenge.number, nonce: challenge.nonce)
        link.peerKeyIDs = challenge.keyIDs
        link.proven.removeAll { !challenge.keyIDs.contains($0) }
        let unproven = challenge.keyIDs.contains { keyRing[$0] != nil && !link.proven.contains($0) }
        if link.challenge == nil, unproven || link.proven.isEmpty { sendChallenge(over: id) }
    }

    mutating func receive(proof: Proof, from id: LinkID) {
        guard let link = links[id] else { return }
        if proof.challenge == 0 { return receiveFirst(proof: proof, from: id) }
        guard link.phase == .open, let challenge = link.challenge, challenge.number == proof.challenge else { return }
        link.challenge = nil
        link.challengeDeadline = nil
        link.peerKeyIDs = proof.keys.map(\.keyID)
        let proven = verified(proof, from: link, nonce: challenge.nonce)
        link.proven = proven
        if proven.isEmpty { endForWantOfKey(id) }
    }

    mutating func endForWantOfKey(_ id: LinkID) {
        guard let link = links[id] else { return }
        close(
            id, .noCommonKey,
            "no common key any more: \(identity.serverID) has \(Self.list(keyRing.ids)), "
                + "\(link.peerName) has \(Self.list(link.peerKeyIDs))")
    }

    /// What the peer of a link may write. A full member takes only a gateway's own entries over a link that nothing
    /// but gateway keys prove; a member without any full key is itself the gateway, and takes everything but audit
    /// entries.
    func scope(of link: Link) -> WriteScope {
        // Whoever has no key at all has no peers: its links are about to end.
        guard !keyRing.isEmpty else { return .own(serverID: []) }
        if carriesAudit(link) { return .everything }
        guard keyRing.hasFullKey, !isFull(link), let serverID = link.peerServerID else { return .allButAudit }
        return .own(serverID: Array(serverID.text.utf8))
    }

    /// Whether a key of full members proves a link.
    private func isFull(_ link: Link) -> Bool { link.proven.contains { keyRing.fullKeyIDs.contains($0) } }

    /// Whether audit entries go over a link: neither a gateway nor a member of an earlier version is given any, nor
    /// taken any from. Such a link's summaries are of the map without them.
    func carriesAudit(_ link: Link) -> Bool {
        guard isFull(link), let peer = link.peerHello, let own = link.localHello else { return false }
        return peer.knowsAudit && own.knowsAudit
    }

    /// What of some entries may go over a link, now that they are sent.
    func sendable(_ batch: EntryBatch, over link: Link) -> EntryBatch {
        if sendsOnlyOwnEntries { return ownEntries(of: batch) }
        // In the round that is going on the peer may not count them.
        return carriesAudit(link) && link.round?.withAudit != false ? batch : batch.withoutAudit
    }

    /// Whether nothing but gateway keys prove a link at a full member.
    func isGatewayScoped(_ link: Link) -> Bool {
        if case .own = scope(of: link) { true } else { false }
    }

    /// Whether peers take only this member's own entries, because this member is a gateway.
    var sendsOnlyOwnEntries: Bool { !keyRing.hasFullKey }

    /// Whether this member is joined to others by gateway keys alone although it has a full key: then what other
    /// full members write does not reach it.
    var isPartitioned: Bool {
        let open = links.values.filter { $0.phase == .open }
        guard !open.isEmpty, keyRing.hasFullKey else { return false }
        return open.allSatisfy { isGatewayScoped($0) }
    }
}
