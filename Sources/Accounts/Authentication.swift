// Who asks: the login cookie, a bearer token, or the kernel's word on this host's own socket.
package import Directory
package import Gateway
package import Glibc
import HTTPTypes
import Logging
package import MemberConfiguration
package import OperatingSystem
package import Replica
import Sessions
import Trust

/// Recognises users by what their requests carry.
package struct Authentication: Sendable {
    /// `__Host-`: the browser takes it over TLS only, from this very host, for all its paths.
    package static let cookieName = "__Host-fastx"

    /// This member, as refusals name it.
    package let serverID: ServerID
    let book: LoginBook
    let keys: UserKeys
    let registry: Registry
    let configuration: @Sendable () async -> LoginConfiguration

    /// - Parameter configuration: The rules for logins as they are; asked at every request.
    package init(
        serverID: ServerID, book: LoginBook, keys: UserKeys, registry: Registry,
        configuration: @escaping @Sendable () async -> LoginConfiguration
    ) {
        self.serverID = serverID
        self.book = book
        self.keys = keys
        self.registry = registry
        self.configuration = configuration
    }

    /// The login of a request; nil where there is none or it has ended.
    ///
    /// - Throws: where a cookie is used for a change without the proof that a page of ours asks for it.
    package func identity(
        method: String, cookies: [String], authorization: String?, csrfToken: String?, origin: String?, host: String?
    ) async throws(Problem) -> Identity? {
        let bearer = Self.bearerToken(authorization)
        guard let token = bearer ?? Self.cookieToken(cookies) else { return nil }
        guard let identity = try await identity(of: token) else { return nil }
        let expected = token.csrfToken
        let isSafe = method == "GET" || method == "HEAD"
        if bearer == nil, !isSafe {
            try checkOrigin(origin, host: host)
            guard let csrfToken, Sodium.isEqual(Array(csrfToken.utf8), Array(expected.utf8)) else {
                throw Problem(
                    .forbidden, reason: "csrf",
                    detail: "a change needs the field X-CSRF-Token with the token that /api/v1/me gives",
                    serverID: serverID)
            }
        }
        return identity
    }

    /// Whose token it is: of a login here, or of one at another member that still lasts by the map.
    private func identity(of token: LoginToken) async throws(Problem) -> Identity? {
        let configuration = await configuration()
        if let login = await book.login(of: token, configuration) {
            return Identity(
                user: login.user, uid: login.uid, groups: login.groups,
                role: Role(of: login.user, uid: login.uid, groups: login.groups, configuration), loginID: login.id,
                issuer: serverID, csrfToken: token.csrfToken)
        }
        guard let verified = keys.verify(token), verified.issuer != serverID,
            await registry.waitForLogin(
                verified.loginID, at: verified.issuer, user: verified.user, issuedAtSeconds: verified.issuedAtSeconds)
        else { return nil }
        // Whether this host has an account of that name, and what its groups are, is this host's to say.
        let found = (try? UnixUser.named(verified.user)) ?? nil
        let account = found.flatMap { $0.isSystemAccount && $0.uid != geteuid() ? nil : $0 }
        let groups = account?.groups ?? []
        return Identity(
            user: verified.user, uid: account?.uid, groups: groups,
            role: account.map { Role(of: $0.name, uid: $0.uid, groups: groups, configuration) } ?? .user,
            loginID: verified.loginID, issuer: verified.issuer, csrfToken: token.csrfToken)
    }

    /// The member that a token's login is at, where this member has no full cluster key and so cannot prove the token. Not
    /// proven, then: the member that the token names is the one to judge it.
    package func judge(of token: LoginToken) async -> ServerID? {
        guard !keys.isFull, await book.login(ofHash: token.hash) == nil else { return nil }
        return UserToken.claimedIssuer(token.text).flatMap { $0 == serverID ? nil : $0 }
    }

    /// The token that a request carries, not looked at yet.
    package static func token(cookies: [String], authorization: String?) -> LoginToken? {
        bearerToken(authorization) ?? cookieToken(cookies)
    }

    private static func bearerToken(_ authorization: String?) -> LoginToken? {
        authorization.flatMap { $0.hasPrefix("Bearer ") ? LoginToken($0.dropFirst(7)) : nil }
    }

    /// Whether the login that a request came with lasts still; on this host's own socket there is none to end.
    package func isStillLoggedIn(_ identity: Identity) async -> Bool {
        guard let loginID = identity.loginID, let issuer = identity.issuer else { return true }
        if issuer == serverID { return await book[loginID] != nil }
        return registry.hasLogin(loginID, at: issuer, user: identity.user)
    }

    /// Whoever runs the process at the other end of a Unix socket.
    package func identity(ofPeer uid: uid_t) async throws(SystemError) -> Identity? {
        guard let user = try UnixUser.withID(uid) else { return nil }
        return Identity(
            user: user.name, uid: uid, groups: user.groups,
            role: Role(of: user.name, uid: uid, groups: user.groups, await configuration()), loginID: nil,
            issuer: nil, csrfToken: nil)
    }

    /// Refuses a request that a page of another site made. Programs send no origin.
    package func checkOrigin(_ origin: String?, host: String?) throws(Problem) {
        guard let origin else { return }
        let own = ["https://\(host ?? "")", "http://\(host ?? "")"]
        guard own.contains(origin) else {
            throw Problem(
                .forbidden, reason: "foreign-origin", detail: "requests from pages of another site are refused",
                serverID: serverID)
        }
    }

    private static func cookieToken(_ fields: [String]) -> LoginToken? {
        for field in fields {
            for pair in field.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                if pair.hasPrefix("\(cookieName)=") { return LoginToken(pair.dropFirst(cookieName.count + 1)) }
            }
        }
        return nil
    }

    /// The field that gives a browser its cookie, or takes it away.
    package static func setCookie(_ token: LoginToken?) -> String {
        "\(cookieName)=\(token?.text ?? ""); Path=/; Secure; HttpOnly; SameSite=Strict"
            + (token == nil ? "; Max-Age=0" : "")
    }
}
