// The WebSocket of a session's display: whose it is, and the two ends joined.
import Accounts
import Displays
import Gateway
import HTTPTypes
import Hummingbird
import NIOCore
import OperatingSystem
import Sessions

/// Displays of this member's sessions.
struct DisplayRoutes: RouteGroup {
    let sessions: SessionBook
    let streams: UserStreams
    let authentication: Authentication

    var handlers: [Route: Handler] { [.display: open] }

    /// Opens the display for a user, where the session is his: nobody looks at that of another user, managers neither.
    private func open(_ request: Request, _ context: APIContext) async throws -> Response {
        let upgrade = try context.requireUpgrade(authentication.serverID)
        let (session, identity) = try await sessions.session(named: context, authentication.serverID)
        let place = try streams.open(identity)
        let descriptor: OwnedDescriptor
        do throws(StewardError) {
            descriptor = try await sessions.stewards.openDisplay(session.uid, id: session.id)
        } catch {
            throw StewardProblem.make(error, authentication.serverID)
        }
        let subprotocol = upgrade.offered.contains("binary") ? "binary" : nil
        return upgrade.grant(
            UpgradeAdmission(subprotocol: subprotocol) { channel in
                let stream = try DisplayStream(channel: channel, descriptor: descriptor.take()) { .ended }
                return {
                    await show(stream, of: session.id, to: identity)
                    withExtendedLifetime(place) {}
                }
            })
    }

    /// Returns when the viewer has left, or was sent away.
    private func show(_ stream: DisplayStream, of id: String, to identity: Identity) async {
        let viewer = await sessions.joined(id, loginID: identity.loginID) { stream.close($0) }
        // The login may have ended while the display was opening, when there was no viewer to disconnect yet.
        if await !authentication.isStillLoggedIn(identity) { stream.close(.loggedOut) }
        await stream.wait()
        await sessions.left(id, viewer)
    }
}
