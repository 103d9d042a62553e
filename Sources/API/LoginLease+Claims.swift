// What scripts are told of a user's login, under the names that tokens have for it.
import Directory
import JSON
import MemberConfiguration
import Replica

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension LoginLease {
    /// `sub`, `iss`, `aud`, `jti`, and with the time of the login `iat` and `exp` in seconds since 1970; each claim that
    /// the login carries besides, such as `fastx/daemon`, is true.
    func claims(_ configuration: LoginConfiguration) -> [String: JSONValue] {
        var claims: [String: JSONValue] = [
            "sub": .string(user), "iss": .string(serverID.text), "aud": "fastx-user", "jti": .string(id),
        ]
        for name in document.texts("claims") { claims[name] = true }
        let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        if let text = document.text("since"), let since = try? Date(text, strategy: form) {
            let seconds = Int64(since.timeIntervalSince1970)
            claims["iat"] = .integer(seconds)
            claims["exp"] = .integer(seconds + Int64(configuration.lifetimeHours) * 3_600)
        }
        return claims
    }
}
