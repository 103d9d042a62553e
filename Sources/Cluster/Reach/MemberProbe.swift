// Tries the way from here to another member: as a whole, or step by step.
import Directory
package import Gateway
import HTTPTypes
import JSON
import NIOCore
package import Replica
import Transport
import Trust

/// Asks other members whether they are there, as one that is asked for something for a user is asked.
package struct MemberProbe: Sendable {
    let routes: MemberRoutes
    let authenticator: MemberAuthenticator
    let client: MemberClient

    /// What is asked for: see `Route.reach` and `Route.reachBack`.
    static let path = "/cluster/reach"
    /// How long an answer may take once there is a connection.
    private static let answerTimeMax: Duration = .seconds(3)
    /// The same where the member tries its own way to this one first.
    private static let backTimeMax: Duration = .seconds(20)

    package init(routes: MemberRoutes, authenticator: MemberAuthenticator, client: MemberClient) {
        self.routes = routes
        self.authenticator = authenticator
        self.client = client
    }

    /// The request, with the tokens of this member.
    static func question(
        _ method: HTTPRequest.Method, to target: MemberTarget, by authenticator: MemberAuthenticator
    ) throws -> HTTPRequest {
        let binding = RequestBinding(
            method: method.rawValue, path: path, certificateSHA256: target.certificateSHA256)
        var fields: HTTPFields = [.carrier: try authenticator.tokens(for: binding).joined(separator: ",")]
        if method == .post { fields[.contentLength] = "0" }
        return HTTPRequest(
            method: method, scheme: "https", authority: target.authority, path: path, headerFields: fields)
    }

    /// Why a member that answers is of no use.
    static func refused(_ reason: String) -> String {
        "it does not take requests from this member (\(reason)); compare the clocks and the cluster keys of the two"
    }

    // MARK: As a whole

    /// What comes of asking a member over a new connection.
    package func outcome(_ member: ServerID) async -> Reachability.Outcome {
        do throws(Problem) {
            return await outcome(try await routes.target(of: member))
        } catch {
            return error.reason == MemberRoutes.unknownServer ? .gone : .unreachable(error.detail)
        }
    }

    private func outcome(_ target: MemberTarget) async -> Reachability.Outcome {
        do {
            _ = try await ask(.get, try await client.open(target), within: Self.answerTimeMax)
            return .reached
        } catch {
            return .unreachable(reason(error, target))
        }
    }

    /// The document that a member answers; nil where it is of a version that has none.
    private func ask(
        _ method: HTTPRequest.Method, _ member: ReadyMember, within time: Duration, isPatient: Bool = true
    ) async throws -> JSONValue? {
        let target = member.target
        let answer = try await member.ask(try Self.question(method, to: target, by: authenticator), within: time)
        if let reason = answer.head.headerFields[.refusal] {
            // One that has started this second takes no token of this second: tokens count whole seconds.
            if reason == TrustError.olderThanStartReason, isPatient {
                try await Task.sleep(for: .seconds(1))
                return try await ask(method, try await client.open(target), within: time, isPatient: false)
            }
            throw ReachFailure(description: Self.refused(reason))
        }
        guard answer.head.status.kind == .successful else {
            if answer.head.status == .notFound { return nil }
            let said = ProblemDocument(answer.body.readableBytesView)?.detail ?? "\(answer.head.status.code)"
            throw ReachFailure(description: "it answers: \(said)")
        }
        let document = try? JSONValue.parse(Array(answer.body.readableBytesView))
        if let name = document?.text("serverId"), name != target.serverID.text {
            let other = ServerID(name).map { routes.registry.title(of: $0) } ?? "something else"
            throw ReachFailure(description: "\(other) answers there")
        }
        return document
    }

    /// In words for people. Of another certificate the map may know whose it is.
    private func reason(_ error: any Error, _ target: MemberTarget) -> String {
        guard let error = error as? MemberUnreachable else { return "\(error)" }
        guard error.detail.hasPrefix("certificate:"), let address = routes.registry.address(of: target.serverID)
        else { return error.detail }
        let others = routes.registry.servers().compactMap(\.update.address).filter {
            $0.serverID != target.serverID && $0.host == address.host && $0.port == address.port
        }
        guard let other = others.map(\.serverID).min() else { return error.detail }
        return
            "certificate: \(routes.registry.title(of: other)) announces the same address, and one of the two is not there"
    }

    // MARK: Step by step

    /// The steps of the way to a member, up to the first that fails; none where the map has no way.
    package func steps(to member: ServerID) async -> [ReachStep] {
        let target: MemberTarget
        do throws(Problem) {
            target = try await routes.target(of: member)
        } catch {
            return [ReachStep(.name, .failure(ReachFailure(description: error.detail)), .zero)]
        }
        var steps: [ReachStep] = []
        if case .address(let host, _) = target.way {
            let name = await step(.name) {
                let addresses: [String]?
                do throws(DialError) {
                    addresses = try await client.addresses(of: target)
                } catch {
                    throw ReachFailure(description: "the name \(host) is not known here: \(error)")
                }
                return addresses.map { "\(host) is \($0.joined(separator: ", "))" }
                    ?? "\(host) is looked up by the proxy"
            }
            steps.append(name)
            guard name.isGood else { return steps }
            let connection = await step(.connection) { "taken at \(try await client.knock(target) ?? host)" }
            steps.append(connection)
            guard connection.isGood else { return steps }
        }
        var opened: ReadyMember?
        let certificate = await step(target.way == .relay ? .relay : .certificate) {
            do {
                opened = try await client.open(target)
            } catch {
                throw ReachFailure(description: reason(error, target))
            }
            return target.way == .relay
                ? "it opened a connection to this member" : "it shows the certificate that it announces"
        }
        steps.append(certificate)
        guard let opened else { return steps }
        steps.append(
            await step(.answer) {
                do {
                    let isKnown = try await ask(.get, opened, within: Self.answerTimeMax) != nil
                    return "it is \(routes.registry.title(of: member))\(isKnown ? "" : ", \(Self.noAnswer)")"
                } catch {
                    throw ReachFailure(description: reason(error, target))
                }
            })
        return steps
    }

    private static let noAnswer = "which takes no such question just now, or is of an earlier version"

    private func step(_ kind: ReachStep.Kind, _ body: () async throws -> String) async -> ReachStep {
        let began = ContinuousClock.now
        let result: Result<String, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        return ReachStep(kind, result, ContinuousClock.now - began)
    }

    // MARK: The way back

    /// The steps of the way from a member to this one, which it tries now.
    ///
    /// - Throws: `ReachFailure` where it cannot be asked.
    package func stepsBack(from member: ServerID) async throws(ReachFailure) -> [ReachStep] {
        do {
            let target = try await routes.target(of: member)
            let document = try await ask(.post, try await client.open(target), within: Self.backTimeMax)
            guard case .array(let steps)? = document?["steps"] else {
                throw ReachFailure(description: "it is a member \(Self.noAnswer)")
            }
            return steps.compactMap(ReachStep.init)
        } catch let error as Problem {
            throw ReachFailure(description: error.detail)
        } catch {
            throw ReachFailure(description: (error as? MemberUnreachable)?.detail ?? "\(error)")
        }
    }
}

/// Why the way to a member is of no use, in words for people and without the member's name.
package struct ReachFailure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}
