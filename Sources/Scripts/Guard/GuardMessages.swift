// The packets between the agent and the guard of one script's process, as values and as JSON.
import JSON
import OperatingSystem

/// What the agent tells a guard.
enum GuardOrder: Equatable {
    /// The first packet. With it come the script's end of its data socket, and what becomes its standard error.
    ///
    /// - `known`: What an earlier guard has told of that Node.
    case start(ScriptPlan, known: KnownNode?)
    /// End it now.
    case kill

    /// How many descriptors come with `start`.
    static let descriptorCount = 2

    var bytes: [UInt8] {
        let value: JSONValue =
            switch self {
            case .start(let plan, let known):
                [
                    "kind": .string(plan.kind.rawValue), "node": .string(plan.node),
                    "memoryMiB": .integer(Int64(plan.memoryMiB)), "known": known?.document ?? .null,
                    "programs": .array(plan.programs.map { .string($0) }),
                ]
            case .kill: ["kill": true]
            }
        return Array(value.canonicalText.utf8)
    }

    init(_ bytes: [UInt8]) throws(SystemError) {
        let value = try GuardMessage.parse(bytes)
        if value["kill"] == true {
            self = .kill
        } else if let kind = value.text("kind").flatMap({ ScriptKind(rawValue: $0) }), let node = value.text("node"),
            let memory = value.integer("memoryMiB"), ScriptPlan.memoryRangeMiB.contains(Int(memory))
        {
            self = .start(
                ScriptPlan(kind: kind, node: node, memoryMiB: Int(memory), programs: value.texts("programs")),
                known: KnownNode(value["known"]))
        } else {
            throw GuardMessage.unexpected
        }
    }
}

/// What a guard tells the agent.
enum GuardReport: Equatable {
    /// The process runs Node of this version; `missingWalls` are whole sentences.
    ///
    /// - `known`: For the next guard.
    case started(pid: Int32, node: String, known: KnownNode?, missingWalls: [String])
    /// Nothing was started; a whole sentence that says what to do.
    case failed(String)
    /// The process has ended, and the guard ends when all of the process's descendants have.
    case ended(ExitStatus)

    var bytes: [UInt8] {
        let value: JSONValue =
            switch self {
            case .started(let pid, let node, let known, let walls):
                [
                    "started": .integer(Int64(pid)), "node": .string(node),
                    "missingWalls": .array(walls.map { .string($0) }), "known": known?.document ?? .null,
                ]
            case .failed(let sentence): ["failed": .string(sentence)]
            case .ended(.exited(let status)): ["ended": ["status": .integer(Int64(status))]]
            case .ended(.signalled(let signal)): ["ended": ["signal": .integer(Int64(signal))]]
            }
        return Array(value.canonicalText.utf8)
    }

    init(_ bytes: [UInt8]) throws(SystemError) {
        let value = try GuardMessage.parse(bytes)
        if let pid = value.integer("started").flatMap({ Int32(exactly: $0) }), let node = value.text("node") {
            self = .started(
                pid: pid, node: node, known: KnownNode(value["known"]), missingWalls: value.texts("missingWalls"))
        } else if let sentence = value.text("failed") {
            self = .failed(sentence)
        } else if let status = value["ended"]?.integer("status").flatMap({ Int32(exactly: $0) }) {
            self = .ended(.exited(status))
        } else if let signal = value["ended"]?.integer("signal").flatMap({ Int32(exactly: $0) }) {
            self = .ended(.signalled(signal))
        } else {
            throw GuardMessage.unexpected
        }
    }
}

/// What both directions have in common.
private enum GuardMessage {
    static let unexpected = SystemError.malformed(
        subject: "a packet of the scripts' guard", detail: "it is none that this version knows")

    static func parse(_ bytes: [UInt8]) throws(SystemError) -> JSONValue {
        do throws(JSONSyntaxError) {
            return try JSONValue.parse(bytes)
        } catch {
            throw .malformed(subject: "a packet of the scripts' guard", detail: "\(error)")
        }
    }
}
