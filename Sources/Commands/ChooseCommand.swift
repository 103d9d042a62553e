// The command that says on which host a user is to log in, for SSH clients and scripts.
import ArgumentParser
import Control
import JSON

struct Choose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "choose", abstract: "Print the host that the cluster chooses for a user's login.",
        discussion: """
            Asks the chain of scripts for logins, or the default rule where there is none, and prints one line: the host as \
            SSH is to connect to it. Nothing is printed where none is chosen. For ProxyCommand, Match exec and scripts. \
            Users may ask for themselves; root, the agent's user and administrators for anybody.
            """)
    @OptionGroup var socket: UserSocketOption
    @Option(help: "The user's name.") var login: String
    @Option(help: "What the scripts are told besides, a JSON object.") var data: String?
    @Flag(help: "Print JSON: the host, its server id, and the id of the placement.") var json = false

    func run() async throws {
        var body: [String: JSONValue] = ["user": .string(login)]
        if let data {
            do throws(JSONSyntaxError) { body["data"] = try JSONValue.parse(data) } catch {
                throw AgentError.usage("--data: not JSON: \(error)")
            }
        }
        let answer = try await socket.client.request(
            .post, "/api/v1/choices", body: Array(JSONValue.object(body).canonicalText.utf8))
        guard let host = answer.text("host") else {
            throw AgentError.refused("the agent named no host; it is of another version than this command")
        }
        print(json ? answer.canonicalText : host)
    }
}
