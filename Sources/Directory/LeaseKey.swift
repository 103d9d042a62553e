// The keys of leases: which member they belong to, and what they are about.
package import Replica

/// A lease's key, taken apart.
package enum LeaseKey: Hashable, Sendable {
    /// A member's word on itself.
    case server(ServerID)
    /// A login at a member.
    case login(ServerID, id: String)
    /// A session of a member.
    case session(ServerID, id: String)
    /// A user's claim on a member.
    case reservation(ServerID, id: String)
    /// The record of a change of global configuration, made at a member.
    case audit(ServerID, id: String)

    /// The member whose lease it is; nobody else writes it.
    package var owner: ServerID {
        switch self {
        case .server(let owner), .login(let owner, _), .session(let owner, _), .reservation(let owner, _),
            .audit(let owner, _):
            owner
        }
    }

    /// The key of the map.
    package var key: Key {
        let text =
            switch self {
            case .server(let owner): "\(KeyClass.server.prefix)/\(owner)"
            case .login(let owner, let id): "\(KeyClass.login.prefix)/\(owner)/\(id)"
            case .session(let owner, let id): "\(KeyClass.session.prefix)/\(owner)/\(id)"
            case .reservation(let owner, let id): "\(KeyClass.reservation.prefix)/\(owner)/\(id)"
            case .audit(let owner, let id): "\(KeyClass.audit.prefix)/\(owner)/\(id)"
            }
        return Key(checked: Array(text.utf8))
    }

    /// Nil for keys of other classes, and for those whose owner is named by no server id.
    package init?(_ key: RawSpan) {
        guard let keyClass = try? KeyClass(of: key), let owner = keyClass.ownerRange(in: key) else { return nil }
        let bytes = key.copy()
        guard let server = ServerID(String(decoding: bytes[owner], as: UTF8.self)) else { return nil }
        let id = String(decoding: bytes[owner.upperBound...].dropFirst(), as: UTF8.self)
        switch keyClass {
        case .server: self = .server(server)
        case .login: self = .login(server, id: id)
        case .session: self = .session(server, id: id)
        case .reservation: self = .reservation(server, id: id)
        case .audit: self = .audit(server, id: id)
        case .config, .data: return nil
        }
    }

    /// What the keys of a class begin with.
    package static func prefix(of keyClass: KeyClass) -> [UInt8] { Array("\(keyClass.prefix)/".utf8) }

    /// How long a lease of ours lasts unless it is renewed, in milliseconds: three of the longest intervals between updates.
    /// Audit entries are not renewed: a write that names no length gives them their whole 400 days.
    package static let milliseconds: UInt64 = 90_000
}
