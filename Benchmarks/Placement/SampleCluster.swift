// Server updates as a large cluster has them.
import Directory
import JSON
import OperatingSystem
import Placement
import Replica
import Scripts

/// Servers that differ, of which every fifth has a GPU.
struct SampleCluster {
    let updates: [ServerUpdate]
    /// The same as workers keep them.
    let kept: [KeptServer]
    /// The JSON text of all of them, as one list.
    let listText: [UInt8]

    init(count: Int) throws {
        var reader = HostStatusReader()
        let host = reader.read()
        var updates: [ServerUpdate] = []
        for number in 0..<count {
            let digits = String(number)
            let name = "node-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            guard let id = ServerID(name), let update = ServerUpdate(Self.document(id, number, host), of: id) else {
                throw BenchmarkError("\(name) is no server id")
            }
            updates.append(update)
        }
        self.updates = updates
        var number: UInt64 = 0
        kept = updates.map { update in
            number += 1
            return KeptServer(
                id: update.serverID, number: number, text: Array(update.document.canonicalText.utf8))
        }
        listText = Array("[".utf8) + kept.map(\.text).joined(separator: Array(",".utf8)) + Array("]".utf8)
    }

    /// What a member tells of itself, filled as on a host in use: 1.3 to 1.5 KB.
    private static func document(_ id: ServerID, _ number: Int, _ host: HostStatus) -> JSONValue {
        var content = ServerUpdate.Content(serverID: id, origin: Origin(raw: UInt64(number) + 1), host: host)
        content.urls = ["https://\(id).cluster.example.org:3300"]
        content.certificateSHA256 = (0..<32).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) }
        content.version = "0.15.0"
        content.loginsEnabled = true
        content.sessionsEnabled = true
        var rack: [String: JSONValue] = [
            "rack": .string("r\(number / 40)"), "site": .string(number % 2 == 0 ? "north" : "south"),
            "software": ["matlab", "ansys", "paraview"],
        ]
        if number % 5 == 0 { rack["gpu"] = ["model": "A40", "count": 2] }
        content.staticData = .object(rack)
        content.links = (1...4).map { step in
            ServerUpdate.Link(
                peer: ServerID("node-\(10_000 + (number * step) % 97)"), isDialled: step % 2 == 0,
                since: WallTime(milliseconds: 1_780_000_000_000 + UInt64(number)),
                clockOffsetMilliseconds: Int64(step))
        }
        content.counts.sessions = number * 13 % 29
        content.counts.uniqueSessionUsers = number % 17
        content.counts.logins = number * 11 % 31
        guard case .object(var fields) = content.document else { return content.document }
        fields["hostname"] = .string("\(id).cluster.example.org")
        fields["loggedInUsers"] = .array((0..<8 + number % 5).map { .string("user\((number * 7 + $0) % 997)") })
        return .object(fields)
    }
}
