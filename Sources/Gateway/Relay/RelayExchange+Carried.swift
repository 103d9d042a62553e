// The connections at the external member that travel as messages: carried streams.
package import Relay
package import Replica
import Transport

extension RelayExchange {
    /// A member cannot open the connection, and takes it as a carried stream. Returns the stream's name.
    package func carry(_ nonce: String, by member: ServerID) async throws -> String {
        let stream = nonce
        let dial = try change { (hub, now) throws(RelayError) in try hub.carried(nonce, by: member, at: now) }
        guard let dial else { return stream }
        let pipe: CarriedPipe
        do {
            pipe = try await CarriedPipe.make(group)
        } catch {
            abandon(dial, member)
            change { hub, _ in hub.end(stream, of: member) }
            throw error
        }
        let meter = connections.meter(of: member)
        let isThere = look { hub in
            // The member may have lost it meanwhile, with its link.
            guard hub.room(of: stream, to: member) != nil else { return false }
            streams.add(stream, pipe, meter)
            return true
        }
        if !isThere { pipe.end() }
        attach(pipe.transport, dial, member)
        Task { [self] in
            await pipe.run {
                self.look { hub in hub.room(of: stream, to: member) }
            } send: { bytes in
                meter.countSent(bytes.count)
                self.change { hub, _ in hub.send(bytes, over: stream, to: member) }
            } passed: { count in
                self.change { hub, _ in hub.passed(count, over: stream, from: member) }
            }
            change { hub, _ in hub.end(stream, of: member) }
        }
        return stream
    }

    /// Takes bytes of a carried stream from its member.
    package func take(
        _ bytes: [UInt8], at offset: UInt64, confirming count: UInt64, over stream: String, from member: ServerID
    ) throws(RelayError) {
        try change { (hub, _) throws(RelayError) in
            try hub.received(bytes, at: offset, confirming: count, over: stream, from: member)
        }
    }

    /// A member has ended a carried stream.
    package func end(_ stream: String, by member: ServerID) {
        change { hub, _ in hub.ended(stream, by: member) }
    }
}
