// What the engine asks the world around it to do.
package import Replica

/// One thing to do. The shell performs all of them in order; answers come back as inputs.
package enum Effect: Sendable {
    /// Open a connection to a URL; answered by `linkOpened` or `dialFailed`.
    case dial(LinkID, url: String)
    /// Send a message over a link, after those before it; the credit is charged already.
    case send(Message.Destination, Message)
    /// Close the connection once what was sent is out; answered by `linkClosed`.
    case close(LinkID)
    /// Answer with the present summary of a part of the map: `froze`.
    case freeze(LinkID, round: UInt32, Extent)
    /// Merge received entries; answered by `merged` once they are committed.
    case merge(LinkID, EntryBatch, scope: WriteScope, position: StreamPosition?)
    /// Make symbols of a part of the map, by a scan; answered by `sketched`.
    case sketch(LinkID, round: UInt32, symbolCount: Int, Extent)
    /// Find the keys of item ids by a scan; answered by `resolved`.
    case resolve(LinkID, round: UInt32, itemIDs: [UInt64])
    /// Read entries by key; answered by `read`.
    case read(LinkID, round: UInt32, keys: [Key])
    /// Read the next part of the map in key order; answered by `readChunk`.
    case readChunk(LinkID, round: UInt32, after: [UInt8], byteCountMax: Int)
    /// Tell the administrator.
    case report(Report)
}

/// Which part of a map is summed up.
package struct Extent: Sendable, Equatable {
    /// Whether audit entries are counted.
    package var withAudit: Bool
    /// Keys whose entries are left out besides: none of audit entries where those are not counted.
    package var leavingOut: [Key]

    /// The whole map, unless it is said.
    package init(withAudit: Bool = true, leavingOut: [Key] = []) {
        self.withAudit = withAudit
        self.leavingOut = leavingOut
    }
}

extension Message {
    /// Messages go to links, not to members: there may be several links to one for a moment.
    package typealias Destination = LinkID
}

/// Where in a stream a batch of entries ends.
package struct StreamPosition: Sendable, Equatable {
    /// That of the stream request.
    package var round: UInt32
    /// The last key up to which the stream is complete.
    package var lastKey: [UInt8]
    /// Whether the batch is the last one of the stream.
    package var isEnd: Bool
}

/// Something that an administrator may want to know.
package enum Report: Sendable, Equatable {
    /// A link is open: both ends have proven a key.
    case linkUp(LinkID, serverID: ServerID, address: String, dialled: Bool)
    /// A link has ended that was open, or that a peer had begun to open; duplicates are not told. The detail is a line
    /// for people.
    case linkDown(LinkID, serverID: ServerID?, address: String, reason: CloseReason, detail: String)
    /// A configured access point cannot be reached or refuses; told once for each new reason.
    case accessPointFailing(url: String, reason: String, retryIn: Duration)
    /// An access point leads back to this member, and is not dialled any more.
    case ownAddress(url: String)
    /// Another live process has this server id.
    case clone(serverID: ServerID, address: String)
    /// A peer's clock is ahead by so much, or behind where that is negative: by more than the clock bound. Told once
    /// for as long as that is so.
    case clockSkew(serverID: ServerID, milliseconds: Int64)
    /// Most peers say that this host's clock is wrong. By so much the middle one of them is ahead, or behind where that
    /// is negative.
    case clockWrong(milliseconds: Int64)
    /// Most peers agree with this host's clock again.
    case clockRight
    /// The first verdict since this process began, or since its clock was set: most peers agree with it.
    case clockConfirmed
    /// Entries were refused for one reason, by this member or by the peer. The example is the key of one of them.
    case refused(serverID: ServerID, count: Int, refusal: Refusal, byPeer: Bool, example: String)
    /// Live changes that waited for a slow peer were dropped; a round will find them.
    case outboxDropped(serverID: ServerID, keyCount: Int)
    /// A round is over, with or without a difference.
    case roundFinished(LinkID, serverID: ServerID, RoundStatistics)
    /// A stream begins. The count is of all entries of the sender's map, for one that is resumed too.
    case streamStarted(LinkID, serverID: ServerID, entryCount: UInt64, incoming: Bool, resumed: Bool)
    /// How far an incoming stream is: entries that came over this link, and how many the peer has in all.
    case streamProgress(serverID: ServerID, entryCount: Int, entryCountMax: UInt64)
    /// An incoming stream is complete and committed.
    case streamFinished(serverID: ServerID, entryCount: Int, duration: Duration)
    /// So many keys were left out on a link that no more rounds are begun on it.
    case reconciliationRests(serverID: ServerID, refusedCount: Int)
}

/// What a round of reconciliation cost.
package struct RoundStatistics: Sendable, Equatable {
    /// Entries that one side had and the other had not.
    package var differenceCount = 0
    /// Answers that the dialler had to wait for; the acceptor learns the number from it, where there was a difference.
    package var roundTripCount = 0
    /// All payload of reconciliation, both ways, without the entries themselves.
    package var byteCount = 0
    /// From the beginning of the round at this end to its end.
    package var duration: Duration = .zero
    /// Whether entries were streamed in key order instead of being found by symbols.
    package var isStream = false

    /// A round that has not begun.
    package init() {}
}
