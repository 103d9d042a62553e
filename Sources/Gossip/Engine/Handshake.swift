// How a new connection becomes an open link: hello, proof, and which of two links stays.
import NIOCore
import OrderedCollections
import Replica
import Trust

extension GossipEngine {
    /// A peer connected to this member.
    package mutating func accept(address: String, certificateHash: [UInt8]?, at moment: Moment) -> LinkID {
        now = moment
        let id = nextLinkID()
        let link = Link(id: id, role: .acceptor, address: address, targetURL: nil, phase: .greeting, now: now)
        links[id] = link
        begin(link, certificateHash: certificateHash)
        if isShutDown {
            close(id, .shutdown, "this member is shutting down")
        } else if links.count > settings.linkCountMax {
            close(id, .configuration, "this member already has \(settings.linkCountMax) links")
        }
        return id
    }

    /// A connection that `Effect.dial` asked for is there.
    package mutating func linkOpened(_ id: LinkID, certificateHash: [UInt8]?, at moment: Moment) {
        now = moment
        guard let link = links[id], link.phase == .dialling else {
            effects.append(.close(id))
            return
        }
        begin(link, certificateHash: certificateHash)
    }

    private mutating func begin(_ link: Link, certificateHash: [UInt8]?) {
        let hello = Hello(
            serverID: identity.serverID, origin: identity.origin, nonce: randomBytes(Hello.nonceByteCount),
            wallTime: now.wall, credit: UInt32(settings.creditWindow), isExternal: identity.isExternal,
            knowsAudit: identity.knowsAudit, software: identity.software)
        link.certificateHash = certificateHash
        link.localHello = hello
        link.peerCredit = Int(hello.credit)
        link.phase = .greeting
        link.since = now
        link.lastHeard = now.uptime
        link.deadline = now.uptime + settings.handshakeLimit
        send(.hello(hello), over: link)
    }

    mutating func receive(hello: Hello, from id: LinkID) {
        guard let link = links[id], link.phase == .greeting, let localHello = link.localHello else {
            return close(id, .protocolError, "a second hello came")
        }
        link.peerHello = hello
        guard hello.version >= Message.versionMin, Message.version >= hello.versionMin else {
            return close(
                id, .protocolVersion,
                "protocol versions \(hello.versionMin) to \(hello.version) at \(hello.serverID), "
                    + "\(Message.versionMin) to \(Message.version) at \(identity.serverID): upgrade the older one")
        }
        link.credit = Int(hello.credit)
        link.transcript = Self.transcript(
            dialler: link.role == .dialler ? localHello : hello, acceptor: link.role == .dialler ? hello : localHello,
            certificateHash: link.certificateHash)
        if let rival = rival(of: id, hello) {
            link.phase = .contending
            sendPing(over: rival)
        } else {
            sendFirstProof(over: id)
        }
    }

    /// What both ends saw of the handshake: whoever sits between two links sees two of these.
    static func transcript(dialler: Hello, acceptor: Hello, certificateHash: [UInt8]?) -> [UInt8] {
        var buffer = ByteBuffer(string: "fastx-link-1")
        for hello in [dialler, acceptor] {
            let message = hello.bytes
            buffer.writeInteger(UInt32(message.count))
            buffer.writeBytes(message)
        }
        buffer.writeInteger(UInt8(certificateHash == nil ? 0 : 1))
        buffer.writeBytes(certificateHash ?? [])
        return Sodium.sha256(Array(buffer: buffer))
    }

    /// An older open link to the same server id but another process of it: a restarted member, or a clone.
    private func rival(of id: LinkID, _ hello: Hello) -> LinkID? {
        links.values.first {
            $0.id != id && $0.phase == .open && $0.peerServerID == hello.serverID
                && $0.peerHello?.origin != hello.origin
        }?.id
    }

    private mutating func sendFirstProof(over id: LinkID) {
        links[id]?.phase = .proving
        sendProof(over: id, challenge: 0, nonce: [])
        if links[id]?.proven.isEmpty == false { establish(id) }
    }

    mutating func receiveFirst(proof: Proof, from id: LinkID) {
        guard let link = links[id], link.phase == .proving || link.phase == .contending, link.proven.isEmpty else {
            return close(id, .protocolError, "a proof came out of turn")
        }
        let proven = verified(proof, from: link, nonce: [])
        link.peerKeyIDs = proof.keys.map(\.keyID)
        guard !proven.isEmpty else {
            let common = proof.keys.contains { keyRing[$0.keyID] != nil }
            return close(id, common ? .proofFailed : .noCommonKey, noProofDetail(common: common, link))
        }
        link.proven = proven
        if link.phase == .proving { establish(id) }
    }

    private func noProofDetail(common: Bool, _ link: Link) -> String {
        let peer = link.peerName
        return common
            ? "certificate mismatch: \(peer) and \(identity.serverID) saw different certificates on this connection; "
                + "something between them ends TLS, either an attacker or a proxy that needs the option \"unbound\""
            : "no common key: \(identity.serverID) has \(Self.list(keyRing.ids)), \(peer) has "
                + "\(Self.list(link.peerKeyIDs)); give both the same cluster key"
    }

    static func list(_ ids: [KeyID]) -> String {
        ids.isEmpty ? "no cluster key" : "the key " + ids.map(\.description).joined(separator: ", ")
    }

    /// Both ends have proven a key: decide whether the link stays, and begin.
    private mutating func establish(_ id: LinkID) {
        guard let link = links[id], let hello = link.peerHello else { return }
        if hello.serverID == identity.serverID {
            return refuseOwnName(link, hello)
        }
        // Another process of this server id came to terms in the time since this one's hello: both live.
        if rival(of: id, hello) != nil { return refuseClone(id, hello.serverID) }
        link.phase = .open
        link.since = now
        link.deadline = nil
        link.nextPing = now.uptime
        report(.linkUp(id, serverID: hello.serverID, address: link.address, dialled: link.role == .dialler))
        targetIsUp(link)
        closeDuplicates(of: hello.serverID, origin: hello.origin)
        guard link.phase == .open else { return }
        if link.role == .dialler { startRound(id) }
    }

    private mutating func refuseOwnName(_ link: Link, _ hello: Hello) {
        if hello.origin == identity.origin {
            if let url = link.targetURL {
                targets[url]?.phase = .ownAddress
                report(.ownAddress(url: url))
            }
            close(link.id, .ownAddress, "this member dialled itself")
        } else {
            report(.clone(serverID: hello.serverID, address: link.address))
            close(
                link.id, .clone,
                "two live members have the server id \(identity.serverID): one is a clone of the other; "
                    + "give it an id of its own with \"fastx-agent init\" in a new directory")
        }
    }

    /// Of several links between two processes one stays. The end that dialled a superfluous link closes it: the one
    /// dialled by the higher server id, and of those dialled by one end all but the oldest.
    private mutating func closeDuplicates(of serverID: ServerID, origin: Origin) {
        let open = links.values.filter {
            $0.phase == .open && $0.peerServerID == serverID && $0.peerHello?.origin == origin
        }
        guard open.count > 1 else { return }
        let lower = min(identity.serverID, serverID)
        let kept = open.first { $0.dialler(own: identity.serverID) == lower } ?? open[0]
        for link in open where link.id != kept.id && link.role == .dialler {
            if let url = link.targetURL { targets[url]?.phase = .satisfied(serverID: serverID) }
            close(link.id, .duplicate, "another link to \(serverID) is open")
        }
    }

    /// An open link to a server id answered, so newer links that contend for that id come from a clone.
    mutating func rivalIsAlive(_ serverID: ServerID?) {
        guard let serverID else { return }
        for id in links.keys(in: .contending) where links[id]?.peerServerID == serverID {
            refuseClone(id, serverID)
        }
    }

    private mutating func refuseClone(_ id: LinkID, _ serverID: ServerID) {
        report(.clone(serverID: serverID, address: links[id]?.address ?? ""))
        close(
            id, .clone,
            "another live member with the server id \(serverID) is linked already: one is a clone of the other; "
                + "give it an id of its own with \"fastx-agent init\" in a new directory")
    }

    /// The rival of a contending link is gone, or did not answer in time.
    mutating func resumeContending(for serverID: ServerID) {
        var resumed: Origin?
        for id in links.keys(in: .contending) where links[id]?.peerServerID == serverID {
            let origin = links[id]?.peerHello?.origin
            if resumed == nil || resumed == origin {
                resumed = origin
                sendFirstProof(over: id)
            } else {
                // Two processes wait, such as a member that came back and its clone: one of them is asked after the other.
                links[id]?.since = now
            }
        }
    }
}
