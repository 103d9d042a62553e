// What an administrator sees of the cluster: members and status.
import ArgumentParser
import Control
import Directory
import JSON
import Replica

struct Members: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "List the members that told of themselves within the last 90 seconds.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let answer = try await options.client.request(.get, "/v1/members")
        if options.json { return print(answer.canonicalText) }
        guard case .array(let members) = answer else { return }
        var rows = [["SERVER ID", "HOSTNAME", "URL", "LOAD", "FREE MEMORY", "LINKS", "STATE", "REACHED", "UPDATED"]]
        var remarks: [String] = []
        for member in members {
            guard let id = member.text("serverId").flatMap({ ServerID($0) }),
                let update = member["update"].flatMap({ ServerUpdate($0, of: id) })
            else { continue }
            let load = update.loadAverages.first?.canonicalText ?? "-"
            let links = update.linkCount.map { "\($0)" } ?? "-"
            let age = (member.integer("updatedMillisecondsAgo") ?? 0) / 1_000
            rows.append([
                id.text + (member["self"] == true ? " *" : ""), update.hostname ?? "?", update.urls.first ?? "-", load,
                Self.gigabytes(update), links, Self.state(update), Self.reach(member), "\(age) s ago",
            ])
            remarks += Self.remarks(on: member, update)
        }
        Terminal.table(rows)
        print("* this member")
        for remark in remarks { print(remark) }
    }

    private static func reach(_ member: JSONValue) -> String {
        switch member["reach"]?.text("state") {
        case "reached"?: "yes"
        case "unreachable"?: "NO"
        default: "-"
        }
    }

    /// Who cannot reach whom, and why.
    private static func remarks(on member: JSONValue, _ update: ServerUpdate) -> [String] {
        let name = "\(update.hostname ?? "?") (\(update.serverID))"
        var remarks: [String] = []
        if let reach = member["reach"], let reason = reach.text("reason"), reach.text("state") == "unreachable" {
            remarks.append("\(name) cannot be reached from here since \(reach.text("since") ?? "?"): \(reason)")
        }
        if case .array(let complaints)? = member["unreachableFrom"] {
            remarks += complaints.map { complaint in
                "\(complaint.text("name") ?? "?") cannot reach \(name): \(complaint.text("reason") ?? "?")"
            }
        }
        return remarks
    }

    private static func state(_ update: ServerUpdate) -> String {
        if update.isStopped { return "stopped" }
        return update.isDraining ? "draining" : "running"
    }

    private static func gigabytes(_ update: ServerUpdate) -> String {
        guard let free = update.freeMemory, let total = update.totalMemory else { return "-" }
        func text(_ bytes: Int64) -> String { "\((Double(bytes) / 107_374_182.4).rounded() / 10)" }
        return "\(text(free)) of \(text(total)) GiB"
    }
}

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show this member's map, links and clock.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let status = try await options.client.request(.get, "/v1/status")
        if options.json { return print(status.canonicalText) }
        print("member       \(status.text("serverId") ?? "")  (\(status.text("software") ?? ""))")
        print("listening    https://\(status.text("listen") ?? "")")
        print("running      since \(status.text("started") ?? "")")
        print(
            "map          \(status.integer("values") ?? 0) values, \(status.integer("tombstones") ?? 0) tombstones, "
                + "fingerprint \(status.text("fingerprint") ?? "")")
        print("store        \(status.integer("storeBytes") ?? 0) bytes")
        if status["draining"] == true { print("draining     YES: it takes no new logins and sessions") }
        print("cluster keys \(Self.list(status["keys"]))")
        if let clock = status["clock"], clock["wrong"] == true {
            print("clock        WRONG: most members differ by more than 60 s; durable writes are refused")
        }
        if status["partitioned"] == true {
            print("partitioned  YES: other full members are reached only through gateways; name one as an access point")
        }
        if case .array(let shared)? = status["sharedGatewayKeys"] {
            for each in shared {
                let warning = SharedGatewayKeys.warning(
                    key: each.text("key") ?? "", serverIDs: each.texts("serverIds"))
                print("gateway key  SHARED: \(warning)")
            }
        }
        if case .array(let mistakes)? = status["globalMistakes"] {
            for line in mistakes.flatMap({ ConfigCheck.lines($0) }) { print("configuration MISTAKE: \(line)") }
        }
        Self.printReach(status)
        if let problem = status.text("pagesMissing") { print("pages        MISSING: \(problem)") }
        for line in status["scripts"].map(WorkerLines.scripts) ?? [] { print(line) }
        for line in status["metrics"].map(WorkerLines.metrics) ?? [] { print(line) }
        Self.printLinks(status["links"])
        Self.printAccessPoints(status["accessPoints"])
    }

    /// Whom this member cannot reach, and who cannot reach it.
    private static func printReach(_ status: JSONValue) {
        if case .array(let members)? = status["unreachable"] {
            for member in members {
                print(
                    "unreachable  \(member.text("name") ?? "?") cannot be reached from here at \(member.text("url") ?? "?") "
                        + "since \(member.text("since") ?? "?"): \(member.text("reason") ?? "?")")
            }
        }
        guard case .array(let complaints)? = status["unreachableFrom"], !complaints.isEmpty else { return }
        let said = complaints.map { "\($0.text("name") ?? "?") says: \($0.text("reason") ?? "?")" }
        let place = status.texts("urls").first.map { " at \($0)" } ?? ""
        print(
            "UNREACHED    other members cannot reach this member\(place): \(said.joined(separator: "; ")); "
                + ServerUpdate.adviceHere)
    }

    private static func list(_ value: JSONValue?) -> String {
        guard case .array(let items)? = value, !items.isEmpty else { return "none" }
        return items.compactMap { if case .string(let text) = $0 { text } else { nil } }.joined(separator: ", ")
    }

    private static func printLinks(_ value: JSONValue?) {
        guard case .array(let links)? = value, !links.isEmpty else { return print("links        none") }
        print()
        var rows = [
            ["LINK TO", "ADDRESS", "DIRECTION", "STATE", "ROUND TRIP", "SENT", "RECEIVED", "LAST RECONCILIATION"]
        ]
        for link in links {
            var last = "-"
            if let round = link["lastReconciliation"] {
                last =
                    "\(round.integer("differences") ?? 0) differences, \(round.integer("roundTrips") ?? 0) round trips, "
                    + "\(round.integer("bytes") ?? 0) bytes"
            }
            rows.append([
                link.text("serverId") ?? "-", link.text("url") ?? "-", link.text("direction") ?? "-",
                link.text("state") ?? "-", link["roundTripMilliseconds"].map { "\($0.canonicalText) ms" } ?? "-",
                "\(link.integer("bytesSent") ?? 0)", "\(link.integer("bytesReceived") ?? 0)", last,
            ])
        }
        Terminal.table(rows)
    }

    private static func printAccessPoints(_ value: JSONValue?) {
        guard case .array(let points)? = value, !points.isEmpty else { return }
        print()
        var rows = [["ACCESS POINT", "STATE", "LAST ERROR"]]
        for point in points {
            rows.append([point.text("url") ?? "", point.text("state") ?? "", point.text("lastError") ?? "-"])
        }
        Terminal.table(rows)
    }
}

struct Links: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "links", abstract: "List this member's links: of gossip, and between external members and others.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let status = try await options.client.request(.get, "/v1/status")
        let links: [JSONValue] =
            Self.list(status["links"]).map { Self.named($0, "gossip") }
            + Self.list(status["relayLinks"]).map { Self.named($0, "relay") }
        if options.json { return print(JSONValue.array(links).canonicalText) }
        if let isolated = status.text("isolated") { print("ISOLATED: \(isolated)") }
        guard !links.isEmpty else { return print("no links") }
        var rows = [
            ["KIND", "MEMBER", "DIRECTION", "STATE", "ROUND TRIP", "SENT", "RECEIVED", "STREAMS", "LAST ERROR"]
        ]
        for link in links {
            rows.append([
                link.text("kind") ?? "", link.text("serverId") ?? "-", link.text("direction") ?? "-",
                link.text("state") ?? "-", Self.milliseconds(link["roundTripMilliseconds"]),
                "\(link.integer("bytesSent") ?? 0)", "\(link.integer("bytesReceived") ?? 0)",
                link.integer("connections").map { "\($0)" } ?? "-",
                link.text("lastError") ?? "-",
            ])
        }
        Terminal.table(rows)
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        guard case .array(let items)? = value else { return [] }
        return items
    }

    private static func milliseconds(_ value: JSONValue?) -> String {
        guard let value, value != .null else { return "-" }
        return "\(value.canonicalText) ms"
    }

    private static func named(_ link: JSONValue, _ kind: String) -> JSONValue {
        guard case .object(var fields) = link else { return link }
        fields["kind"] = .string(kind)
        return .object(fields)
    }
}
