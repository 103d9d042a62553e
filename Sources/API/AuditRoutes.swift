// The routes about changes of configuration: who changed what, when, and from where. For administrators.
import Accounts
import Cluster
import Directory
import Gateway
import Global
import HTTPTypes
import Hummingbird
import JSON
import MemberConfiguration
import Replica

/// The changes of this member's files, and of the cluster's configuration.
struct AuditRoutes: RouteGroup {
    let member: ThisMember
    let authentication: Authentication
    let history: HistoryDocument

    /// Changes that are told at once, unless the request says how many.
    private static let pageCount = 50
    /// More are not told at once.
    private static let pageCountMax = 200

    var handlers: [Route: Handler] { [.serverAudit: ofFiles, .configurationHistory: ofValue] }

    /// The changes of the files of the member that is named.
    private func ofFiles(_ request: Request, _ context: APIContext) async throws -> Response {
        try await requireAdmin(request, context)
        let server = try context.parameters.require("id")
        guard server == member.serverID.text else {
            throw member.problem(
                .notFound, "no-such-server",
                "\(member.hostname) has the changes of its own files alone, and knows no way to \(ShownText.quoted(server)): "
                    + "run \"fastx-agent config history\" on that host")
        }
        let file = try query("file", request, allowed: Self.allowedFiles, Self.file)
        let before = try query("before", request, allowed: "the \"next\" of the page before") { text in
            (1...64).contains(text.utf8.count) ? text : nil
        }
        let page = try history.fileChanges(of: file, before: before, countMax: try count(request))
        return document(page, ["serverId": .string(member.serverID.text), "hostname": .string(member.hostname)])
    }

    /// The changes of one value of the cluster.
    private func ofValue(_ request: Request, _ context: APIContext) async throws -> Response {
        try await requireAdmin(request, context)
        let text = request.uri.queryParameters.get("name") ?? ""
        guard Self.file(text) == nil else {
            throw member.problem(
                .unprocessableContent, "bad-query",
                "\(ShownText.quoted(text)) is a file of each member: ask for \(Route.serverAudit.path("ID"))?file=\(text)"
            )
        }
        let name: GlobalName
        do throws(ConfigurationErrors) {
            name = try GlobalName.parse(text)
        } catch {
            throw member.problem(.unprocessableContent, "bad-query", "name: \(error)")
        }
        let before = try query("before", request, allowed: "the \"next\" of the page before") { Version(text: $0) }
        let page = try await history.changes(of: name, before: before, countMax: try count(request))
        return document(page, ["name": .string(name.text)])
    }

    /// What a change of a file may be looked for by.
    private static func file(_ text: String) -> String? {
        let isKnown = Configuration.files.contains { $0.fileName == text }
        return isKnown || text.hasPrefix("\(LocalMetrics.directoryName)/") ? text : nil
    }

    private static var allowedFiles: String {
        "\(Configuration.files.map { $0.fileName }.joined(separator: ", ")) or \(LocalMetrics.directoryName)/NAME.js"
    }

    private func document(_ page: HistoryPage, _ head: [String: JSONValue]) -> Response {
        var members = head
        members["changes"] = .array(page.changes)
        members["next"] = page.next.map { .string($0) }
        return .json(.object(members), status: .ok, [.cacheControl: "no-store"])
    }

    private func count(_ request: Request) throws -> Int {
        try query("limit", request, allowed: "a whole number from 1 to \(Self.pageCountMax)") { text in
            Int(text).flatMap { (1...Self.pageCountMax).contains($0) ? $0 : nil }
        } ?? Self.pageCount
    }

    /// What a query says under a name; nil where it says nothing.
    private func query<Value>(
        _ name: String, _ request: Request, allowed: String, _ accept: (String) -> Value?
    ) throws(Problem) -> Value? {
        guard let text = request.uri.queryParameters.get(name) else { return nil }
        if let value = accept(text) { return value }
        throw member.problem(
            .unprocessableContent, "bad-query", "\(name): \(ShownText.quoted(text)) is not allowed; allowed: \(allowed)"
        )
    }

    private func requireAdmin(_ request: Request, _ context: APIContext) async throws {
        // Who was carried here and is not known may be logged in all the same, at a member whose tokens this one cannot prove.
        let token = Authentication.token(
            cookies: request.headers[values: .cookie], authorization: request.headers[.authorization])
        if context.identity == nil, context.carrier != nil, let token, await authentication.judge(of: token) != nil {
            throw member.problem(
                .forbidden, "gateway",
                "\(member.hostname) has a gateway key alone and cannot tell who you are: run \"fastx-agent config history\" "
                    + "on that host")
        }
        guard try context.requireIdentity(member.serverID).role >= .admin else {
            throw member.problem(
                .forbidden, "admins-only",
                "only administrators of \(member.hostname) may see who changed its configuration")
        }
    }
}
