// What browsers are allowed with the pages: no foreign script, no frame, and no connection but the needed ones.
import Directory
import Gateway
import HTTPTypes
import Hummingbird
import MemberConfiguration
import OperatingSystem

/// Fields for every answer: no page of ours runs a foreign script, is framed, or guesses a type.
struct StrictBrowser: Sendable {
    let member: ThisMember
    let registry: Registry

    /// Adds the fields to those of an answer.
    func restrict(_ fields: inout HTTPFields, _ context: APIContext) {
        let origins = directOrigins(context)
        fields[.contentSecurityPolicy] = origins.isEmpty ? Self.ownPolicy : Self.policy(connectingTo: origins)
        fields[.xContentTypeOptions] = "nosniff"
        fields[.referrerPolicy] = "no-referrer"
        fields[.openerPolicy] = "same-origin"
        fields[.strictTransportSecurity] = "max-age=31536000"
    }

    /// The page of another member's session may connect to that member, and to no other.
    private func directOrigins(_ context: APIContext) -> [String] {
        guard context.route == .sessionPage, let id = context.parameters.get("id"),
            let server = registry.server(ofSession: id), !member.configuration.settings.forceIndirect
        else { return [] }
        return registry.urls(of: server).compactMap(DirectOrigin.of)
    }

    private static let ownPolicy = policy(connectingTo: [])

    private static func policy(connectingTo origins: [String]) -> String {
        [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
            (["connect-src 'self'"] + origins).joined(separator: " "), "font-src 'self'", "media-src 'self'",
            "manifest-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
            "frame-ancestors 'none'",
        ].joined(separator: "; ")
    }
}

/// Where browsers connect to a member directly.
package enum DirectOrigin {
    /// The origin of the WebSockets at a member's URL, such as `wss://host:3300`; nil where it is no URL of a member, or
    /// has a host that the policy of a page cannot name: an IPv6 address, or a name with `_` (CSP 3, section 2.3.1).
    package static func of(_ url: String) -> String? {
        guard let endpoint = try? MemberURL(url).endpoint, !endpoint.host.contains(where: { $0 == ":" || $0 == "_" })
        else { return nil }
        return "wss://\(endpoint)"
    }
}
