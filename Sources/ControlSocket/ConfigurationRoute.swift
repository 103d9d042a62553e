// How commands change the configuration of a running agent.
import Control
import Gateway
import HTTPTypes
import Hummingbird
import JSON
package import MemberConfiguration
import NIOCore
package import Replica

/// Hands what a command asks for to the one writer.
package struct ConfigurationRoute: Sendable {
    let serverID: ServerID
    let configurations: ConfigurationStore

    package init(serverID: ServerID, configurations: ConfigurationStore) {
        self.serverID = serverID
        self.configurations = configurations
    }

    /// `file`: its name; `expected`: the version that the change was made from; `source`: who asks. The body is the
    /// file's whole new text.
    func change(_ request: Request, _ context: ControlContext) async throws -> Response {
        let query = request.uri.queryParameters
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: ConfigurationDirectory.fileByteCountMax)
        } catch {
            throw problem(
                .contentTooLarge, ControlReason.configuration,
                "the file is larger than the \(ConfigurationDirectory.fileByteCountMax) bytes allowed")
        }
        do {
            var proposal = ConfigurationProposal(
                try Configuration.file(named: String(query.get("file") ?? "")), text: Array(buffer: body),
                expected: query.get("expected").map { ConfigurationVersion(text: $0) },
                source: query.get("source") ?? "the control socket")
            proposal.user = try await context.user()
            let applied = try await configurations.change(proposal)
            return Response.json(["changes": .array(applied.change.lines.map { .string($0) })])
        } catch let error as ConfigurationRefusal {
            if case .stale = error { throw problem(.conflict, ControlReason.stale, error.description) }
            throw problem(.conflict, "refused", error.description)
        } catch {
            throw problem(.badRequest, ControlReason.configuration, "\(error)")
        }
    }

    private func problem(_ status: HTTPResponse.Status, _ reason: String, _ detail: String) -> Problem {
        Problem(status, reason: reason, detail: detail, serverID: serverID)
    }
}
