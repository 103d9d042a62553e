// The store, as the gossip layer needs it.
package import Gossip
package import Logging
package import Replica
package import Store

/// Adapts the store to gossip, and deals with damaged entries: they are taken out, so that peers bring them back.
package struct StoreForGossip: ReplicaStore {
    let store: Store
    let logger: Logger

    package init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    package func summary(of extent: Extent) throws -> MapSummary {
        let digests = try store.digests(ofKeys: extent.leavingOut)
        return (extent.withAudit ? store.summary : store.summaryWithoutAudit).removing(digests)
    }

    package func merge(
        _ batch: EntryBatch, scope: WriteScope, from link: LinkID,
        completion: @escaping @Sendable (Result<MergeReceipt, any Error>) -> Void
    ) {
        store.merge(batch, scope: scope, source: link.raw) { [logger] result in
            switch result {
            case .success(let outcome):
                for key in outcome.sameVersionDifferentDigest {
                    logger.error("\(key): one version came with two contents: corruption, or a cloned member")
                }
                let refused = outcome.refused.map {
                    RefusedEntry(key: $0.key, digest: $0.digest, refusal: $0.refusal, lapses: $0.lapses)
                }
                completion(.success(MergeReceipt(refused: refused)))
            case .failure(let error):
                logger.error("received entries were not stored: \(error)")
                completion(.failure(error))
            }
        }
    }

    package func sketch(symbolCount: Int, of extent: Extent) async throws -> MapSummary {
        let digests = try store.digests(ofKeys: extent.leavingOut)
        let summary = try await store.sketch(symbolCount: symbolCount, withAudit: extent.withAudit)
        return summary.prefix(symbolCount: symbolCount).removing(digests)
    }

    package func keys(ofItemIDs itemIDs: [UInt64]) async throws -> [Key] {
        try await store.keys(ofItemIDs: Set(itemIDs))
    }

    package func entries(of keys: [Key], byteCountMax: Int) async throws -> (batch: EntryBatch, keyCount: Int) {
        let (batch, keyCount, damaged) = try store.entries(forKeys: keys, byteCountMax: byteCountMax)
        try await discard(damaged)
        return (batch, keyCount)
    }

    package func chunk(after key: [UInt8], byteCountMax: Int) async throws -> MapChunk {
        let after = key.isEmpty ? nil : Key(checked: key)
        let chunk = try await store.chunk(after: after, byteCountMax: byteCountMax)
        try await discard(chunk.damaged)
        return MapChunk(
            batch: chunk.entries, last: chunk.isEnd ? [] : chunk.last?.bytes ?? [], isEnd: chunk.isEnd)
    }

    package func changes() -> any AsyncSequence<StoreChange, Never> & Sendable { StoreChanges(feed: store.subscribe()) }

    private func discard(_ damaged: [Key]) async throws {
        guard !damaged.isEmpty else { return }
        for key in damaged { logger.error("\(key): damaged on disk; it is taken out, and peers bring it back") }
        _ = try await store.discardDamaged(damaged)
    }
}

/// The store's change feed, one group of changes at a time.
private struct StoreChanges: AsyncSequence, Sendable {
    typealias Element = StoreChange
    typealias Failure = Never
    let feed: ChangeFeed

    struct AsyncIterator: AsyncIteratorProtocol {
        var feed: ChangeFeed.AsyncIterator
        var pending: ArraySlice<ChangeGroup> = []

        mutating func next() async -> StoreChange? { await next(isolation: nil) }

        mutating func next(isolation actor: isolated (any Actor)?) async -> StoreChange? {
            while true {
                if let group = pending.popFirst() { return Self.change(group) }
                switch await feed.next(isolation: actor) {
                case .commit(let commit): pending = commit.groups[...]
                case .rescan: return .missed
                case nil: return nil
                }
            }
        }

        private static func change(_ group: ChangeGroup) -> StoreChange {
            switch group.source {
            case .local, .restamp: .committed(group.entries, from: nil)
            case .link(let raw): .committed(group.entries, from: LinkID(raw: raw))
            case .expiry: .expired(group.entries)
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(feed: feed.makeAsyncIterator()) }
}
