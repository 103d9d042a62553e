// What the commands ask of the configuration that all members share, and of the history of all configuration.
import Control
import Directory
import Gateway
package import Global
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import NIOCore
package import Replica
package import Store

/// The routes about the cluster's configuration.
package struct GlobalRoutes: Sendable {
    let serverID: ServerID
    let store: Store
    let index: GlobalConfigurationIndex
    let writer: GlobalConfigurationStore
    let history: HistoryDocument
    let journal: Journal

    /// Room for more scripts than a cluster has.
    static let bodyByteCountMax = 32 << 20

    package init(
        serverID: ServerID, store: Store, index: GlobalConfigurationIndex, writer: GlobalConfigurationStore,
        history: HistoryDocument, journal: Journal
    ) {
        self.serverID = serverID
        self.store = store
        self.index = index
        self.writer = writer
        self.history = history
        self.journal = journal
    }

    func add(to router: Router<ControlContext>) {
        router.get("/v1/global") { request, _ in try await answer { try await values(request) } }
        router.post("/v1/global") { request, context in try await answer { try await change(request, context) } }
        router.post("/v1/global/undo") { request, context in try await answer { try await undo(request, context) } }
        router.get("/v1/history") { request, _ in
            try await answer { try await history.make(name: request.uri.queryParameters.get("name")) }
        }
    }

    private func answer(_ body: () async throws -> JSONValue) async throws -> Response {
        do {
            return Response.json(try await body())
        } catch {
            throw GlobalProblem.make(error, serverID)
        }
    }

    // MARK: Reading

    /// Every value of the map, or the one of `name`, with its text.
    private func values(_ request: Request) async throws -> JSONValue {
        let wanted = try request.uri.queryParameters.get("name").map { try GlobalName.parse(String($0)) }
        let entries = try await store.readOnReaderThread { snapshot throws(StoreError) in
            var entries: [Entry] = []
            try snapshot.forEach(prefix: Array(GlobalName.keyPrefix.utf8)) {
                (header, _, key, value) throws(StoreError) in
                let key = Key(checked: key.copy())
                guard case .name(let name) = GlobalName.read(key.description), wanted == nil || wanted == name else {
                    return true
                }
                entries.append(Entry(key: key, version: header.version, value: value.copy()))
                return true
            }
            return entries
        }
        if let wanted, entries.isEmpty { throw GlobalRefusal.absent(wanted) }
        var values: [JSONValue] = []
        for entry in entries {
            var fields = EntryDocument.fields(entry)
            fields["name"] = .string(String(entry.key.description.dropFirst(GlobalName.keyPrefix.count)))
            fields["version"] = .string(entry.version.text)
            fields["writtenAt"] = .string(entry.version.clock.time.text)
            fields["writtenBy"] = .text(await journal.member(of: entry.version.origin)?.text)
            if let mistake = index.mistakes.first(where: { $0.key == entry.key }) {
                fields["mistakes"] = .array(mistake.lines.map { .string($0) })
                fields["used"] = .string(mistake.used.description)
            }
            values.append(.object(fields))
        }
        return .array(values)
    }

    // MARK: Writing

    /// The body: `changes`, a list of objects with `name`, `text` (absent: the value goes) and `expected` (absent:
    /// anything); `source`; `check`: whether only to say what they would do.
    private func change(_ request: Request, _ context: ControlContext) async throws -> JSONValue {
        let bytes = try await request.body.collect(upTo: Self.bodyByteCountMax)
        let body = try JSONValue.parse(Array(buffer: bytes))
        guard case .array(let list)? = body["changes"] else { throw Malformed("\"changes\" is needed, a list") }
        let proposals = try list.map { try Self.proposal($0) }
        if body["check"] == true {
            let outcomes = try await writer.check(proposals)
            let documents = try zip(proposals, outcomes).map { Self.document($1, try difference($0)) }
            return ["changes": .array(documents)]
        }
        let author = ChangeAuthor(
            user: try await context.user(), source: body.text("source") ?? "the control socket")
        let outcomes = try await writer.change(proposals, by: author)
        return ["changes": .array(outcomes.map { Self.document($0) })]
    }

    private static func proposal(_ json: JSONValue) throws -> GlobalProposal {
        guard let name = json.text("name") else { throw Malformed("\"name\" is needed") }
        var expected = GlobalProposal.Expected.anything
        if let text = json.text("expected") {
            guard let version = GlobalProposal.Expected(text: text) else {
                throw Malformed(
                    "\"\(text)\" is not a version; allowed: one that \"fastx-agent config show\" names, or "
                        + GlobalProposal.Expected.absent)
            }
            expected = version
        }
        return GlobalProposal(
            try GlobalName.parse(name), text: json.text("text").map { Array($0.utf8) }, expected: expected)
    }

    /// The lines in which a proposal differs from what there is.
    private func difference(_ proposal: GlobalProposal) throws -> [String] {
        let key = proposal.name.key
        let old = try store.read { snapshot throws(StoreError) in try snapshot.get(key)?.value }
        return LineDifference.lines(from: old ?? [], to: proposal.text ?? [])
    }

    private static func document(_ change: GlobalChange, _ difference: [String] = []) -> JSONValue {
        [
            "name": .string(change.name.text), "effect": .string(change.effect.rawValue),
            "version": .text(change.version?.text), "difference": .array(difference.map { .string($0) }),
        ]
    }

    private func undo(_ request: Request, _ context: ControlContext) async throws -> JSONValue {
        let query = request.uri.queryParameters
        let name = try GlobalName.parse(String(query.get("name") ?? ""))
        let text = String(query.get("to") ?? "")
        guard let version = Version(text: text) else {
            throw Malformed("\"\(text)\" is not a version; see \"fastx-agent config history\" for those there are")
        }
        let history = GlobalHistory(try writer.trail.records(of: name.key), current: nil)
        let author = ChangeAuthor(
            user: try await context.user(), source: query.get("source") ?? "the control socket")
        let outcome = try await writer.change([GlobalProposal(name, text: try history.text(of: version))], by: author)
        return ["changes": .array(outcome.map { Self.document($0) })]
    }

    /// A request that no command of this version makes, or an argument that was not looked at before.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

/// Why a change of the cluster's configuration was refused, as an answer.
enum GlobalProblem {
    static func make(_ error: any Error, _ serverID: ServerID) -> any Error {
        func problem(_ status: HTTPResponse.Status, _ reason: String) -> Problem {
            Problem(status, reason: reason, detail: "\(error)", serverID: serverID)
        }
        switch error {
        case let refusal as GlobalRefusal: return problem(refusal.status, refusal.reason)
        case is ConfigurationErrors: return problem(.badRequest, ControlReason.configuration)
        case is StoreError: return problem(.init(code: 507, reasonPhrase: "Insufficient Storage"), "store")
        case is GlobalRoutes.Malformed, is JSONSyntaxError: return problem(.badRequest, "bad-request")
        default: return error
        }
    }
}

extension GlobalRefusal {
    fileprivate var status: HTTPResponse.Status {
        switch self {
        case .stale, .contended: .conflict
        case .absent, .notInHistory: .notFound
        case .notWritable(let reason, _): reason == "gateway" ? .forbidden : .conflict
        }
    }

    fileprivate var reason: String {
        switch self {
        case .stale: ControlReason.stale
        case .contended: "contended"
        case .absent, .notInHistory: "not-found"
        case .notWritable(let reason, _): reason
        }
    }
}
