// What workers keep of the servers, so that a call does not begin with a thousand of them.
package import Replica

/// A server as scripts see it. Workers keep the text between calls, and are told of changes only.
package struct KeptServer: Sendable {
    package let id: ServerID
    /// Another one for each text that any server has had: two of one number are the same server with the same text.
    package let number: UInt64
    /// JSON in UTF-8, of an object.
    package let text: [UInt8]

    package init(id: ServerID, number: UInt64, text: [UInt8]) {
        self.id = id
        self.number = number
        self.text = text
    }
}

/// What a chain is asked about: a member's view at one moment.
package struct ChainQuestion: Sendable {
    /// All that are known, ordered by server id.
    package let servers: [KeptServer]
    /// Those of them that are candidates, ordered by server id.
    package let candidates: [ServerID]
    /// The member that asks.
    package let local: ServerID
    /// The JSON text of the input object, without `servers` and `local`.
    package let input: [UInt8]

    package init(servers: [KeptServer], candidates: [ServerID], local: ServerID, input: [UInt8]) {
        self.servers = servers
        self.candidates = candidates
        self.local = local
        self.input = input
    }

    /// Those that are no candidates. Both lists are ordered.
    var without: [ServerID] {
        if candidates.count == servers.count { return [] }
        var rest = candidates[...]
        return servers.compactMap { server in
            guard rest.first == server.id else { return server.id }
            rest.removeFirst()
            return nil
        }
    }
}
