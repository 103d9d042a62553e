// What the client commands ask of the map: entries read, written, streamed, explained and backed up.
package import Cluster
import Control
import Directory
import Gateway
package import Gossip
import HTTPTypes
import Hummingbird
import JSON
package import Logging
import NIOCore
import OperatingSystem
package import Replica
package import Store
import Trust

/// The routes about entries.
package struct EntryRoutes: Sendable {
    let serverID: ServerID
    let store: Store
    let node: GossipNode
    let authenticator: MemberAuthenticator
    let journal: Journal
    let logger: Logger

    /// Longest body of one `load` request in bytes.
    static let loadByteCountMax = 8 << 20

    package init(
        serverID: ServerID, store: Store, node: GossipNode, authenticator: MemberAuthenticator, journal: Journal,
        logger: Logger
    ) {
        self.serverID = serverID
        self.store = store
        self.node = node
        self.authenticator = authenticator
        self.journal = journal
        self.logger = logger
    }

    func add(to router: Router<BasicRequestContext>) {
        let streams = EntryStreams(store: store)
        router.get("/v1/entry", use: getEntry)
        router.put("/v1/entry", use: putEntry)
        router.delete("/v1/entry", use: deleteEntry)
        router.get("/v1/entries", use: streams.dump)
        router.get("/v1/watch", use: streams.watch)
        router.post("/v1/load", use: load)
        router.get("/v1/explain", use: explain)
        router.get("/v1/backup", use: backup)
    }

    // MARK: Entries

    private func getEntry(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let key = try key(of: request)
        let entry = try await entry(key)
        guard let entry else { throw problem(.notFound, "not-found", "there is no entry \(key)") }
        return Response.json(.object(EntryDocument.fields(entry)))
    }

    private func putEntry(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let key = try writableKey(of: request)
        try await checkWritable()
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Entry.valueByteCountMax)
        } catch {
            throw problem(
                .contentTooLarge, "value-too-large",
                "the value is larger than the \(Entry.valueByteCountMax) bytes allowed")
        }
        let write = LocalWrite(key: key, change: .put(Array(buffer: body), leaseMilliseconds: nil))
        return try await written([write])
    }

    private func deleteEntry(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let key = try writableKey(of: request)
        try await checkWritable()
        guard try await entry(key) != nil else {
            throw problem(.notFound, "not-found", "there is no entry \(key)")
        }
        return try await written([LocalWrite(key: key, change: .delete)])
    }

    private func written(_ writes: [LocalWrite]) async throws -> Response {
        let receipts = try await write(writes)
        guard let version = receipts.first?.version else { return Response.json([:]) }
        return Response.json(["version": .string(version.clock.time.text)])
    }

    private func load(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        try await checkWritable()
        let body = try await request.body.collect(upTo: Self.loadByteCountMax)
        let firstNumber = request.uri.queryParameters.get("firstLine").flatMap { Int($0) } ?? 1
        let lines = try EntryDocument.parse(lines: Array(buffer: body), firstNumber: firstNumber) {
            problem(.badRequest, "bad-line", $0)
        }
        if !lines.writes.isEmpty { _ = try await write(lines.writes) }
        return Response.json([
            "committed": .integer(Int64(lines.writes.count)), "skippedLeases": .integer(Int64(lines.leaseCount)),
        ])
    }

    // MARK: Other

    private func explain(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let key = try key(of: request)
        let entry = try await entry(key, includingDead: true)
        let changes = await journal.changes(of: key)
        guard entry != nil || !changes.isEmpty else {
            throw problem(.notFound, "not-found", "there is no entry \(key)")
        }
        return Response.json(await Explanation(journal: journal).document(key, entry, changes))
    }

    private func backup(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        guard let path = request.uri.queryParameters.get("path"), path.hasPrefix("/") else {
            throw problem(.badRequest, "bad-path", "a backup needs an absolute path")
        }
        let (steps, step) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(1))
        return EntryStreams.lines { [store] writer in
            async let result: Void = {
                defer { step.finish() }
                try await store.backup(to: path) { step.yield($0) }
            }()
            for await byteCount in steps { try await writer.write(ByteBuffer(string: "{\"bytes\":\(byteCount)}\n")) }
            do {
                try await result
                try await writer.write(ByteBuffer(string: "{\"entries\":\(store.summary.count)}\n"))
            } catch {
                let text = JSONValue.canonicalString("\(error)")
                try await writer.write(ByteBuffer(string: "{\"error\":\(text)}\n"))
            }
        }
    }

    private func key(of request: Request) throws -> Key {
        guard let text = request.uri.queryParameters.get("key") else {
            throw problem(.badRequest, "bad-key", "a key is needed")
        }
        do {
            return try Key(text)
        } catch {
            throw problem(.badRequest, "bad-key", "\(error)")
        }
    }

    private func writableKey(of request: Request) throws -> Key {
        let key = try key(of: request)
        guard !key.keyClass.isLease else {
            throw problem(
                .forbidden, "lease",
                "\(key) is a lease: only its owner writes it; config/ and data/ are for everybody")
        }
        return key
    }

    /// Refuses writes that could not get anywhere.
    private func checkWritable() async throws {
        let keys = authenticator.keyRing.keys
        if !keys.isEmpty, keys.allSatisfy({ $0.scope == .gateway }) {
            throw problem(
                .forbidden, "gateway",
                "this member has a gateway key only: other members would not take the entry; write at a full member")
        }
        guard await node.isClockWrong else { return }
        throw problem(
            .conflict, "clock",
            "this host's clock is off by more than 60 s from most members' (see \"fastx-agent status\"): durable "
                + "writes are refused until it is set right")
    }

    private func entry(_ key: Key, includingDead: Bool = false) async throws -> Entry? {
        let (batch, damaged): (EntryBatch, [Key])
        do throws(StoreError) {
            let found = try store.entries(forKeys: [key])
            (batch, damaged) = (found.batch, found.damaged)
        } catch {
            throw storeProblem(error)
        }
        if !damaged.isEmpty { throw await heal(key) }
        guard let entry = batch.entries.first else { return nil }
        if !includingDead, entry.isTombstone || entry.isExpired(at: WallClock.now()) { return nil }
        return entry
    }

    /// Takes a damaged entry out, so that peers bring it back at once.
    private func heal(_ key: Key) async -> Problem {
        logger.error("\(key): damaged on disk; it is taken out, and peers bring it back")
        do throws(StoreError) {
            _ = try await store.discardDamaged([key])
        } catch {
            return storeProblem(error)
        }
        await node.reconcile()
        return problem(
            .internalServerError, "damaged",
            "\(key) was damaged on this member's disk: it was taken out, and other members bring it back; try again")
    }

    private func write(_ writes: [LocalWrite]) async throws -> [WriteReceipt] {
        do throws(StoreError) {
            return try await store.write(writes)
        } catch {
            throw storeProblem(error)
        }
    }

    private func storeProblem(_ error: StoreError) -> Problem {
        problem(.init(code: 507, reasonPhrase: "Insufficient Storage"), "store", "\(error)")
    }

    private func problem(_ status: HTTPResponse.Status, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
