// A user account of this host, as the C library knows it.
package import Glibc

/// What the account database says of a user.
package struct UnixUser: Hashable, Sendable {
    /// As the database spells it, which need not be how it was asked for.
    package let name: String
    /// What the kernel knows the user by.
    package let uid: uid_t
    /// The primary group.
    package let gid: gid_t
    /// The absolute path of the home directory, which need not exist.
    package let home: String
    /// The absolute path of the login shell; empty where the database has none.
    package let shell: String
    /// Names of all groups that the user is in, the primary one first; a group without a name is left out.
    package let groups: [String]

    /// Ids below belong to the system: the default of login.defs' `UID_MIN`.
    package static let firstOrdinaryID: uid_t = 1_000
    /// `nobody`.
    package static let nobodyID: uid_t = 65_534
    /// The C library's records are read into buffers of up to this size.
    private static let recordBytesMax = 1 << 20
    /// The kernel allows 65,536 groups for a process.
    private static let groupCountMax: CInt = 65_536

    /// Whether the account is one of the system's rather than a person's.
    package var isSystemAccount: Bool {
        let program = shell.split(separator: "/").last ?? ""
        return uid < Self.firstOrdinaryID || uid == Self.nobodyID || program == "nologin" || program == "false"
    }

    /// Whether a text may be a user's name at all: `[A-Za-z_][A-Za-z0-9_.-]{0,31}`, so that it can never be an option,
    /// a path or a machine account (`name$`).
    package static func isValidName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (1...32).contains(bytes.count), let first = bytes.first else { return false }
        guard first.isASCIILetter || first == UInt8(ascii: "_") else { return false }
        return bytes.allSatisfy { byte in
            byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "-")
        }
    }

    /// The user of a name; `nil` when there is none, or when it could not be a name.
    package static func named(_ name: String) throws(SystemError) -> UnixUser? {
        guard isValidName(name) else { return nil }
        return try unsafe read(subject: name) { record, buffer, count, found in
            unsafe getpwnam_r(name, record, buffer, count, found)
        }
    }

    /// The user of an id; `nil` when there is none.
    package static func withID(_ uid: uid_t) throws(SystemError) -> UnixUser? {
        try unsafe read(subject: "user \(uid)") { record, buffer, count, found in
            unsafe getpwuid_r(uid, record, buffer, count, found)
        }
    }

    /// The user as whom this process runs.
    package static func current() throws(SystemError) -> UnixUser {
        guard let user = try withID(geteuid()) else { throw .unknownUser("with the id \(geteuid())") }
        return user
    }

    private typealias Lookup = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> CInt

    private static func read(subject: String, _ lookup: Lookup) throws(SystemError) -> UnixUser? {
        var record = unsafe passwd()
        var size = 4_096
        while true {
            var buffer = [CChar](repeating: 0, count: size)
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe lookup(&record, &buffer, size, &found)
            if code == ERANGE, size < recordBytesMax {
                size *= 4
                continue
            }
            // Several sources of names say "not found" by an error of theirs.
            if code == ENOENT || code == ESRCH { return nil }
            guard code == 0 else { throw .call(name: "getpwnam_r", subject: subject, code: code) }
            guard unsafe found != nil else { return nil }
            // The record's pointers lead into the buffer, which has to live until they are read.
            return withExtendedLifetime(buffer) {
                let name = unsafe String(cString: record.pw_name)
                return unsafe UnixUser(
                    name: name, uid: record.pw_uid, gid: record.pw_gid, home: String(cString: record.pw_dir),
                    shell: String(cString: record.pw_shell), groups: groupNames(of: name, primary: record.pw_gid))
            }
        }
    }

    private static func groupNames(of name: String, primary: gid_t) -> [String] {
        var count: CInt = 64
        while true {
            var ids = [gid_t](repeating: 0, count: Int(count))
            let room = count
            if unsafe getgrouplist(name, primary, &ids, &count) >= 0 {
                return ids.prefix(Int(count)).compactMap(groupName)
            }
            guard count > room, count <= groupCountMax else { return [] }
        }
    }

    private static func groupName(of id: gid_t) -> String? {
        var record = unsafe group()
        var size = 4_096
        while true {
            var buffer = [CChar](repeating: 0, count: size)
            var found: UnsafeMutablePointer<group>?
            let code = unsafe getgrgid_r(id, &record, &buffer, size, &found)
            if code == ERANGE, size < recordBytesMax {
                size *= 4
                continue
            }
            guard unsafe code == 0 && found != nil else { return nil }
            return withExtendedLifetime(buffer) { unsafe String(cString: record.gr_name) }
        }
    }
}

extension UInt8 {
    /// a to z and A to Z; no other byte of UTF-8 is one.
    package var isASCIILetter: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
    }

    /// 0 to 9.
    package var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
