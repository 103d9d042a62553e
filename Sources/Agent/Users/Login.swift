// One login: who, since when, from where. Its token is not in it, only what recognises the token.
import Directory
import Glibc
import JSON
import MemberConfiguration
import OperatingSystem
import Replica
import Sessions

/// A user who is logged in at this member.
struct Login: Sendable, Equatable {
    let id: String
    let user: String
    let uid: uid_t
    let groups: [String]
    let since: WallTime
    /// The address that the user came from.
    let address: String
    let userAgent: String
    let claims: [String]
    /// SHA-256 of the token, 32 bytes.
    let tokenHash: [UInt8]
    var lastSeen: WallTime

    /// Longest user agent that is kept, in characters.
    static let userAgentCharacterCountMax = 200

    /// Whether the login has ended, by its age or because nobody used it.
    func hasEnded(at now: WallTime, _ configuration: LoginConfiguration) -> Bool {
        now.millisecondsSince(since) >= Int64(configuration.lifetimeHours) * 3_600_000
            || now.millisecondsSince(lastSeen) >= Int64(configuration.idleHours) * 3_600_000
    }
}

extension Login {
    /// What the member keeps for itself, so that a login outlives a restart.
    var localRecord: JSONValue {
        [
            "id": .string(id), "user": .string(user), "uid": .integer(Int64(uid)),
            "groups": .array(groups.map { .string($0) }), "since": .integer(Int64(since.milliseconds)),
            "lastSeen": .integer(Int64(lastSeen.milliseconds)), "address": .string(address),
            "userAgent": .string(userAgent), "claims": .array(claims.map { .string($0) }),
            "tokenHash": .string(HexText.encode(tokenHash)),
        ]
    }

    /// Nil where the record is not one of this version.
    init?(localRecord json: JSONValue) {
        guard let id = json.text("id"), let user = json.text("user"), let uid = json.integer("uid"),
            let since = json.integer("since"), let lastSeen = json.integer("lastSeen"),
            let hash = json.text("tokenHash").flatMap(HexText.decode), let userID = uid_t(exactly: uid)
        else { return nil }
        self.init(
            id: id, user: user, uid: userID, groups: json.texts("groups"),
            since: WallTime(milliseconds: UInt64(clamping: since)), address: json.text("address") ?? "",
            userAgent: json.text("userAgent") ?? "", claims: json.texts("claims"), tokenHash: hash,
            lastSeen: WallTime(milliseconds: UInt64(clamping: lastSeen)))
    }

    /// What every member sees of it.
    func lease(at serverID: ServerID, hasLink: Bool) -> LoginLease {
        LoginLease(
            id: id, at: serverID, user: user, groups: groups, since: since, lastSeen: lastSeen, address: address,
            userAgent: userAgent, hasLink: hasLink, claims: claims)
    }
}
