// The table of everything that is asked for over HTTP: method and path, who asks, whom it concerns, and what becomes of it.
package import HTTPTypes

/// One thing that can be asked for. What a request is for is decided here alone: by this table requests find their handler,
/// are carried to other members, logged, and upgraded, and the description of the interface is compared with it.
package enum Route: Int, CaseIterable, Sendable {
    // Logging in and out.
    case loginWays, logIn, answerLogin, cancelLogin, logOut, me, logins, logOutEverywhere, endLogin
    // Sessions.
    case commands, sessions, startSession, session, renameSession, endSession
    case disconnectSession, makeTicket, screenshot, sessionLog, display
    // The cluster, as users see it.
    case servers, serverHistory, events, interface
    // How servers were chosen.
    case placements, placement, tryPlacement, choose, scriptTypes
    // Who changed configuration.
    case serverAudit, configurationHistory
    // Pages.
    case home, sessionPage, icon, pageFiles, noVNCFiles
    // What members ask each other for.
    case gossip, reach, reachBack, relayEvents, relayHeartbeat, relayConnection, openStream, streamBytes, endStream

    /// Who asks for it.
    package enum Audience: Sendable {
        /// Users and their programs, who prove who they are.
        case users
        /// Browsers that load what the pages are made of: the same for everybody.
        case browsers
        /// Members of the cluster, who prove that they are.
        case members
    }

    /// Whom a request concerns, and so which member answers it.
    package enum Subject: Sendable {
        /// The member that was asked, whoever asks.
        case askedMember
        /// Whoever asks: the member that was asked, unless it cannot tell whose token comes along. What is named in the path
        /// is something that every member knows.
        case asker
        /// An attempt to log in: the member whose it is.
        case attempt
        /// A login: the member that it is at.
        case login
        /// A session: the member that has it.
        case session
        /// A placement: the member that made it.
        case placement
        /// A member: that one.
        case server
    }

    /// What there is to know of a route before somebody answers it.
    package struct Form: Sendable {
        /// A path may have a route for each.
        package let method: HTTPRequest.Method
        /// As in the description of the interface, with what differs from request to request in braces.
        package let path: String
        /// Users, unless the table says otherwise.
        package var audience = Audience.users
        /// Whoever asks, unless the table says otherwise.
        package var subject = Subject.asker
        /// Whether the part of the path in braces is known to whoever asks alone, and is no business of the log.
        package var isSecret = false
        /// Whether it is asked for as an upgrade to a WebSocket, and no other way.
        package var isUpgrade = false

        init(_ method: HTTPRequest.Method, _ path: String) {
            self.method = method
            self.path = path
        }

        func of(_ subject: Subject) -> Form { changed { $0.subject = subject } }
        func of(_ audience: Audience) -> Form {
            changed {
                $0.audience = audience
                $0.subject = .askedMember
            }
        }
        var secret: Form { changed { $0.isSecret = true } }
        var upgrade: Form { changed { $0.isUpgrade = true } }

        private func changed(_ change: (inout Form) -> Void) -> Form {
            var form = self
            change(&form)
            return form
        }
    }

    /// What there is to know of it.
    package var form: Form { Self.forms[rawValue] }

    /// Made once: every layer of every request asks.
    private static let forms = allCases.map(\.declared)

    /// The table.
    private var declared: Form {
        switch self {
        case .loginWays: Form(.get, "/api/v1/login")
        case .logIn: Form(.post, "/api/v1/login")
        // Whoever knows the name of an attempt may answer for it; a second login only who began it.
        case .answerLogin: Form(.post, "/api/v1/login/{attempt}").of(.attempt).secret
        case .cancelLogin: Form(.delete, "/api/v1/login/{attempt}").of(.attempt).secret
        case .logOut: Form(.delete, "/api/v1/login")
        case .me: Form(.get, "/api/v1/me")
        case .logins: Form(.get, "/api/v1/logins")
        case .logOutEverywhere: Form(.delete, "/api/v1/logins")
        case .endLogin: Form(.delete, "/api/v1/logins/{id}").of(.login)

        case .commands: Form(.get, "/api/v1/commands")
        case .sessions: Form(.get, "/api/v1/sessions")
        case .startSession: Form(.post, "/api/v1/sessions")
        case .session: Form(.get, "/api/v1/sessions/{id}").of(.session)
        case .renameSession: Form(.patch, "/api/v1/sessions/{id}").of(.session)
        case .endSession: Form(.delete, "/api/v1/sessions/{id}").of(.session)
        case .disconnectSession: Form(.post, "/api/v1/sessions/{id}/disconnect").of(.session)
        case .makeTicket: Form(.post, "/api/v1/sessions/{id}/tickets").of(.session)
        case .screenshot: Form(.get, "/api/v1/sessions/{id}/screenshot").of(.session)
        case .sessionLog: Form(.get, "/api/v1/sessions/{id}/log").of(.session)
        case .display: Form(.get, "/api/v1/sessions/{id}/display").of(.session).upgrade

        case .servers: Form(.get, "/api/v1/servers")
        case .serverHistory: Form(.get, "/api/v1/servers/{id}/history")
        case .events: Form(.get, "/api/v1/events")
        case .interface: Form(.get, "/api/v1/openapi.json").of(.browsers)

        case .placements: Form(.get, "/api/v1/placements")
        case .placement: Form(.get, "/api/v1/placements/{id}").of(.placement)
        case .tryPlacement: Form(.post, "/api/v1/placements")
        case .choose: Form(.post, "/api/v1/choices")
        case .scriptTypes: Form(.get, "/api/v1/fastx.d.ts")

        case .serverAudit: Form(.get, "/api/v1/servers/{id}/audit").of(.server)
        case .configurationHistory: Form(.get, "/api/v1/configuration/history")

        case .home: Form(.get, "/").of(.browsers)
        case .sessionPage: Form(.get, "/session/{id}").of(.browsers)
        case .icon: Form(.get, "/favicon.ico").of(.browsers)
        case .pageFiles: Form(.get, "/pages/**").of(.browsers)
        case .noVNCFiles: Form(.get, "/novnc/**").of(.browsers)

        case .gossip: Form(.get, "/cluster/gossip").of(.members).upgrade
        // Whether this member is there, and whether it can reach the member that asks.
        case .reach: Form(.get, "/cluster/reach").of(.members)
        case .reachBack: Form(.post, "/cluster/reach").of(.members)
        case .relayEvents: Form(.get, "/cluster/events").of(.members)
        case .relayHeartbeat: Form(.post, "/cluster/events").of(.members)
        case .relayConnection: Form(.get, "/cluster/relay").of(.members).upgrade
        case .openStream: Form(.post, "/cluster/streams").of(.members)
        // A carried stream is named by the nonce that it was asked for with.
        case .streamBytes: Form(.post, "/cluster/streams/{id}").of(.members).secret
        case .endStream: Form(.delete, "/cluster/streams/{id}").of(.members).secret
        }
    }

    /// Whether it changes nothing, so that a page of another site may have its visitors ask for it.
    package var isSafe: Bool { form.method == .get && !form.isUpgrade }

    /// The path with something in place of what is in braces.
    package func path(_ value: String) -> String {
        let parts = form.path.split(separator: "/").map { $0.hasPrefix("{") ? value : String($0) }
        return "/\(parts.joined(separator: "/"))"
    }

    // MARK: Finding

    private static let byPath = Dictionary(grouping: allCases) { $0.form.path }

    /// The route of a method and of a path with braces, as the router has found it.
    package static func at(_ path: String?, _ method: HTTPRequest.Method) -> Route? {
        path.flatMap { byPath[$0] }?.first { $0.form.method == method }
    }

    /// Routes with a name in braces, by what is before it.
    private static let named = Dictionary(grouping: allCases.filter { $0.form.path.contains("{") }) { route in
        Array(route.form.path.split(separator: "/").prefix { !$0.hasPrefix("{") })
    }

    /// The routes at whose name a path leads, or below it, and the name. As in the router, empty parts do not count.
    private static func below(_ path: String) -> (routes: [Route], stem: [Substring], name: Substring)? {
        let parts = path.split(separator: "/")
        for (stem, routes) in named where parts.count > stem.count && parts.starts(with: stem) {
            return (routes, stem, parts[stem.count])
        }
        return nil
    }

    /// Whom a request concerns that is for none of these. Below a name it is whom the name concerns: a member of a later
    /// version may have something there.
    package static func subject(ofUnknown path: String) -> (subject: Subject, name: String?) {
        if let (routes, _, name) = below(path), let route = routes.first, route.form.audience == .users {
            return (route.form.subject, String(name))
        }
        return (path.split(separator: "/").starts(with: ["api", "v1"]) ? .asker : .askedMember, nil)
    }

    /// A path as the log may have it: without its secret, whether it is for one of these or, as by another method, for none.
    package static func withoutSecret(_ path: String, _ route: Route?) -> String {
        if let route, !route.form.isSecret { return path }
        guard let (routes, stem, _) = below(path), routes.contains(where: \.form.isSecret) else { return path }
        return "/\(stem.joined(separator: "/"))/..."
    }
}
