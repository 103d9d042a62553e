// What the client commands ask of the map: entries read, written, streamed, explained and backed up.
package import Cluster
import Control
import Directory
import Gateway
package import Global
package import Gossip
import HTTPTypes
import Hummingbird
import JSON
package import Logging
import MemberConfiguration
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
    let durableWrites: DurableWrites
    /// Writes what is the cluster's configuration.
    let global: GlobalConfigurationStore
    let journal: Journal
    let logger: Logger

    /// Longest body of one `load` request in bytes.
    static let loadByteCountMax = 8 << 20

    package init(
        serverID: ServerID, store: Store, node: GossipNode, durableWrites: DurableWrites,
        global: GlobalConfigurationStore, journal: Journal, logger: Logger
    ) {
        self.serverID = serverID
        self.store = store
        self.node = node
        self.durableWrites = durableWrites
        self.global = global
        self.journal = journal
        self.logger = logger
    }

    func add(to router: Router<ControlContext>) {
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

    private func getEntry(_ request: Request, _ context: ControlContext) async throws -> Response {
        let key = try key(of: request)
        let entry = try await entry(key)
        guard let entry else { throw problem(.notFound, "not-found", "there is no entry \(key)") }
        return Response.json(.object(EntryDocument.fields(entry)))
    }

    private func putEntry(_ request: Request, _ context: ControlContext) async throws -> Response {
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
        if let name = try Self.globalName(key, serverID) {
            let proposal = GlobalProposal(name, text: Array(buffer: body))
            return try await changed([proposal], "put", context)
        }
        let write = LocalWrite(key: key, change: .put(Array(buffer: body), leaseMilliseconds: nil))
        return try await written([write])
    }

    private func deleteEntry(_ request: Request, _ context: ControlContext) async throws -> Response {
        let key = try writableKey(of: request)
        try await checkWritable()
        guard try await entry(key) != nil else {
            throw problem(.notFound, "not-found", "there is no entry \(key)")
        }
        if let name = try? Self.globalName(key, serverID) {
            return try await changed([GlobalProposal(name, text: nil)], "delete", context)
        }
        return try await written([LocalWrite(key: key, change: .delete)])
    }

    /// What is the cluster's configuration goes the way of all of it: checked, and with a record.
    private func changed(
        _ proposals: [GlobalProposal], _ command: String, _ context: ControlContext
    ) async throws -> Response {
        let changes = try await change(proposals, command, context)
        guard let version = changes.first?.version else { return Response.json([:]) }
        return Response.json(["version": .string(version.clock.time.text)])
    }

    private func change(
        _ proposals: [GlobalProposal], _ command: String, _ context: ControlContext
    ) async throws -> [GlobalChange] {
        do {
            return try await global.change(
                proposals, by: ChangeAuthor(user: try await context.user(), source: "fastx-agent \(command)"))
        } catch {
            throw GlobalProblem.make(error, serverID)
        }
    }

    /// The name of a value that the cluster's configuration has; nil: the key is no part of it. Throws where the key is
    /// meant for a name that may not be.
    private static func globalName(_ key: Key, _ serverID: ServerID) throws -> GlobalName? {
        guard key.keyClass == .config else { return nil }
        switch GlobalName.read(key.description) {
        case .name(let name): return name
        case .unknown: return nil
        case .mistake(let errors): throw GlobalProblem.make(errors, serverID)
        }
    }

    private func written(_ writes: [LocalWrite]) async throws -> Response {
        let receipts = try await write(writes)
        guard let version = receipts.first?.version else { return Response.json([:]) }
        var fields: [String: JSONValue] = ["version": .string(version.clock.time.text)]
        if let write = writes.first, write.key.keyClass == .config, case .put = write.change {
            fields["warning"] = .string(
                "\(write.key) is no part of the cluster's configuration, which is \(GlobalName.allowed); keep data of your "
                    + "own under data/")
        }
        return Response.json(.object(fields))
    }

    private func load(_ request: Request, _ context: ControlContext) async throws -> Response {
        try await checkWritable()
        let body = try await request.body.collect(upTo: Self.loadByteCountMax)
        let firstNumber = request.uri.queryParameters.get("firstLine").flatMap { Int($0) } ?? 1
        let lines = try EntryDocument.parse(lines: Array(buffer: body), firstNumber: firstNumber) {
            problem(.badRequest, "bad-line", $0)
        }
        let (proposals, writes) = try split(lines.writes)
        // First what may be refused.
        if !proposals.isEmpty { _ = try await change(proposals, "load", context) }
        if !writes.isEmpty { _ = try await write(writes) }
        return Response.json([
            "committed": .integer(Int64(lines.writes.count)), "skippedLeases": .integer(Int64(lines.leaseCount)),
        ])
    }

    /// Parts what is the cluster's configuration from other entries; of one key the last write counts.
    private func split(_ writes: [LocalWrite]) throws -> ([GlobalProposal], [LocalWrite]) {
        var proposals: [GlobalName: GlobalProposal] = [:]
        var others: [LocalWrite] = []
        for write in writes {
            guard let name = try Self.globalName(write.key, serverID), case .put(let text, _) = write.change else {
                others.append(write)
                continue
            }
            proposals[name] = GlobalProposal(name, text: text)
        }
        return (proposals.values.sorted { $0.name < $1.name }, others)
    }

    // MARK: Other

    private func explain(_ request: Request, _ context: ControlContext) async throws -> Response {
        let key = try key(of: request)
        let entry = try await entry(key, includingDead: true)
        let changes = await journal.changes(of: key)
        guard entry != nil || !changes.isEmpty else {
            throw problem(.notFound, "not-found", "there is no entry \(key)")
        }
        return Response.json(await Explanation(journal: journal).document(key, entry, changes))
    }

    private func backup(_ request: Request, _ context: ControlContext) async throws -> Response {
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
        guard let obstacle = await durableWrites.obstacle() else { return }
        throw problem(
            obstacle == .gateway ? .forbidden : .conflict, obstacle.reason, obstacle.description)
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
