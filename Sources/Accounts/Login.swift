// One login: who, since when, from where. Its token is not in it, only what recognises the token.
package import Directory
package import Glibc
package import JSON
package import MemberConfiguration
import OperatingSystem
package import Replica
import Sessions

/// A user who is logged in at this member.
package struct Login: Sendable, Equatable {
    /// 20 hexadecimal digits, the last part of the lease's key.
    package let id: String
    /// The account's name.
    package let user: String
    /// The account's number on this host.
    package let uid: uid_t
    /// Names of the account's groups when the login began.
    package let groups: [String]
    /// When the login began.
    package let since: WallTime
    /// The address that the user came from.
    package let address: String
    /// What the browser or program calls itself, in one line of limited length; empty where it said nothing.
    package let userAgent: String
    /// Texts that are kept and shown with the login: that of a second login, or of a login for one start, where it is one.
    package let claims: [String]
    /// SHA-256 of the token, 32 bytes. Of a second login random bytes: there is no token that they are the hash of.
    package let tokenHash: [UInt8]
    /// When its token was used last, or a second login for a start; on disk it may be ten minutes older.
    package var lastSeen: WallTime

    /// Whether it is a second login: its user may have sessions started here, and nobody is let in by it.
    package var isSecondLogin: Bool { claims.contains(LoginLease.secondLoginClaim) }

    /// Whether the kernel's word stands behind it, for one start at another member.
    package var isForOneStart: Bool { claims.contains(LoginLease.oneStartClaim) }

    /// How long one of these may last. It ends with the answer; clocks of members that differ have to fit in.
    static let oneStartSeconds: Int64 = 300

    /// Longest user agent that is kept, in characters.
    static let userAgentCharacterCountMax = 200

    package init(
        id: String, user: String, uid: uid_t, groups: [String], since: WallTime, address: String, userAgent: String,
        claims: [String], tokenHash: [UInt8], lastSeen: WallTime
    ) {
        self.id = id
        self.user = user
        self.uid = uid
        self.groups = groups
        self.since = since
        self.address = address
        self.userAgent = userAgent
        self.claims = claims
        self.tokenHash = tokenHash
        self.lastSeen = lastSeen
    }

    /// Whether the login has ended, by its age or because nobody used it.
    package func hasEnded(at now: WallTime, _ configuration: LoginConfiguration) -> Bool {
        now.millisecondsSince(since) >= Int64(configuration.lifetimeHours) * 3_600_000
            || (isForOneStart && now.millisecondsSince(since) >= Self.oneStartSeconds * 1_000)
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
    package init?(localRecord json: JSONValue) {
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
    package func lease(at serverID: ServerID, hasLink: Bool) -> LoginLease {
        LoginLease(
            id: id, at: serverID, user: user, groups: groups, since: since, lastSeen: lastSeen, address: address,
            userAgent: userAgent, hasLink: hasLink, claims: claims)
    }
}
