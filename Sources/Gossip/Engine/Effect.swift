// What the engine asks the world around it to do.
package import Replica

/// One thing to do. The shell performs all of them in order; answers come back as inputs.
package enum Effect: Sendable {
    /// Open a connection to a URL; answered by `linkOpened` or `dialFailed`.
    case dial(LinkID, url: String)
    case send(Message.Destination, Message)
    /// Close the connection once what was sent is out; answered by `linkClosed`.
    case close(LinkID)
    /// Answer with the present summary of the map without the entries of some keys: `froze`.
    case freeze(LinkID, round: UInt32, leavingOut: [Key])
    /// Merge received entries; answered by `merged` once they are committed.
    case merge(LinkID, EntryBatch, scope: WriteScope, position: StreamPosition?)
    /// Make symbols of the map without the entries of some keys, by a scan; answered by `sketched`.
    case sketch(LinkID, round: UInt32, symbolCount: Int, leavingOut: [Key])
    /// Find the keys of item ids by a scan; answered by `resolved`.
    case resolve(LinkID, round: UInt32, itemIDs: [UInt64])
    /// Read entries by key; answered by `read`.
    case read(LinkID, round: UInt32, keys: [Key])
    /// Read the next part of the map in key order; answered by `readChunk`.
    case readChunk(LinkID, round: UInt32, after: [UInt8], byteCountMax: Int)
    /// Tell the administrator.
    case report(Report)
}

extension Message {
    package typealias Destination = LinkID
}

/// Where in a stream a batch of entries ends.
package struct StreamPosition: Sendable, Equatable {
    package var round: UInt32
    /// The last key up to which the stream is complete.
    package var lastKey: [UInt8]
    package var isEnd: Bool
}

/// Something that an administrator may want to know.
package enum Report: Sendable, Equatable {
    case linkUp(LinkID, serverID: ServerID, address: String, dialled: Bool)
    case linkDown(LinkID, serverID: ServerID?, address: String, reason: CloseReason, detail: String)
    /// A configured access point cannot be reached or refuses; told once for each new reason.
    case accessPointFailing(url: String, reason: String, retryIn: Duration)
    case ownAddress(url: String)
    /// Another live process has this server id.
    case clone(serverID: ServerID, address: String)
    case clockSkew(serverID: ServerID, milliseconds: Int64)
    case clockWrong(milliseconds: Int64)
    case clockRight
    /// The first verdict since this process began, or since its clock was set: most peers agree with it.
    case clockConfirmed
    case refused(serverID: ServerID, count: Int, refusal: Refusal, byPeer: Bool, example: String)
    case outboxDropped(serverID: ServerID, keyCount: Int)
    case roundFinished(LinkID, serverID: ServerID, RoundStatistics)
    case streamStarted(LinkID, serverID: ServerID, entryCount: UInt64, incoming: Bool, resumed: Bool)
    case streamProgress(serverID: ServerID, entryCount: Int, entryCountMax: UInt64)
    case streamFinished(serverID: ServerID, entryCount: Int, duration: Duration)
    case reconciliationRests(serverID: ServerID, refusedCount: Int)
}

/// What a round of reconciliation cost.
package struct RoundStatistics: Sendable, Equatable {
    /// Entries that one side had and the other had not.
    package var differenceCount = 0
    package var roundTripCount = 0
    /// All payload of reconciliation, both ways, without the entries themselves.
    package var byteCount = 0
    package var duration: Duration = .zero
    /// Whether entries were streamed in key order instead of being found by symbols.
    package var isStream = false

    package init() {}
}
