// The command `reach`: each step of the ways between this member and others.
import ArgumentParser
import Control
import Directory
import JSON

struct Reach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reach", abstract: "Try the way to other members, and from them to this one, step by step.",
        discussion: "The exit status is 1 where a way fails.")
    @Argument(help: "A member, by its server id or its host's name. All others, if none is named.")
    var member: String?
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let answer = try await options.client.request(.get, "/v1/reach", member.map { ["member": $0] } ?? [:])
        guard case .array(let reports) = answer else { return }
        if options.json { print(answer.canonicalText) } else { Self.show(reports) }
        let hasFailed = reports.contains { report in
            report["there"]?["ok"] == false || report["back"]?["ok"] == false
                || (member != nil && report["stopped"] == true)
        }
        if hasFailed { throw ExitCode(CommandStatus.notFoundOrRefused.rawValue) }
    }

    private static func show(_ reports: [JSONValue]) {
        if reports.isEmpty { print("no other member has told of itself in the last 90 seconds") }
        for (index, report) in reports.enumerated() {
            if index > 0 { print() }
            let name = report.text("name") ?? "?"
            print("\(name)  \(report.text("url") ?? "")")
            if report["stopped"] == true {
                print("  it has stopped, and is not tried")
                continue
            }
            show("from here", report["there"])
            show("from there", report["back"])
            if let note = report.text("backNote") { print("  from there: \(note)") }
            advise(name, report)
        }
    }

    private static func show(_ title: String, _ direction: JSONValue?) {
        guard case .array(let steps)? = direction?["steps"], !steps.isEmpty else { return }
        let rows = steps.map { step in
            [
                "  \(title)", step.text("step") ?? "?", step["ok"] == true ? "ok" : "FAILED",
                "\(step["milliseconds"]?.canonicalText ?? "-") ms", step.text("detail") ?? "",
            ]
        }
        Terminal.table(rows)
    }

    /// What is to be set where; an answer that is of no use says by itself what to do.
    private static func advise(_ name: String, _ report: JSONValue) {
        if isAboutAddress(report["there"]) {
            print("  \(name) cannot be reached from here: \(ServerUpdate.adviceThere)")
        }
        if report["back"]?["ok"] == false {
            print("  \(name) cannot reach this member: here, \(ServerUpdate.adviceHere)")
        }
    }

    private static func isAboutAddress(_ direction: JSONValue?) -> Bool {
        guard case .array(let steps)? = direction?["steps"], let last = steps.last, last["ok"] == false else {
            return false
        }
        return ["name", "connection", "certificate"].contains(last.text("step"))
    }
}
