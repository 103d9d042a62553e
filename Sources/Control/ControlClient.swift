// How client commands reach the agent.
import AsyncHTTPClient
import Glibc
package import JSON
package import MemberConfiguration
package import NIOCore
import NIOHTTP1

/// Talks to an agent over one of its sockets: the one of its var directory, or the one for this host's users.
package struct ControlClient {
    private let socketPath: String
    /// What to say where nobody listens, and where the socket may not be used.
    private let absence: String
    private let denial: String

    /// For the agent's own user.
    package init(directory: VarDirectory) {
        socketPath = directory.socket
        absence =
            "no agent is running for \(directory.path); start one with \"fastx-agent run --var-dir \(directory.path)\", "
            + "or name its directory with --var-dir"
        denial = "permission denied; run this command as the agent's user or as root"
    }

    /// For every user of this host.
    package init(userSocket: String) {
        socketPath = userSocket
        absence =
            "no agent answers at \(userSocket); name its socket for users with --socket or the variable "
            + "\(UserSocket.environmentVariable), or ask the administrator"
        denial = "permission denied; ask the administrator for access"
    }

    /// Of HTTP.
    package enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// The answer of one request, whole: at most 64 MiB; an empty one is an empty object. Throws `AgentError` where it is
    /// refused or breaks off, and `JSONSyntaxError` where it is no JSON.
    package func request(
        _ method: Method, _ path: String, _ query: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> JSONValue {
        let response = try await send(method, path, query, body: body, timeout: .minutes(60))
        let bytes = try await unlessBroken { try await response.body.collect(upTo: 64 << 20) }
        return bytes.readableBytes == 0 ? [:] : try JSONValue.parse(Array(buffer: bytes))
    }

    /// The lines of an answer, as they come: in parts of any length, which may end within a line. Throws `AgentError` where
    /// the answer is refused or breaks off, and whatever `each` throws.
    package func lines(
        _ path: String, _ query: [String: String] = [:], _ each: (ByteBuffer) throws -> Void
    ) async throws {
        let response = try await send(.get, path, query, body: nil, timeout: .hours(24 * 365))
        try await unlessBroken { for try await part in response.body { try each(part) } }
    }

    private func send(
        _ method: Method, _ path: String, _ query: [String: String], body: [UInt8]?, timeout: TimeAmount
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url(path, query))
        request.method = .init(rawValue: method.rawValue)
        request.headers.add(name: "user-agent", value: ProgramVersion.software)
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await unlessBroken { try await executeOnceThereIsRoom(request, timeout: timeout) }
        guard (200..<300).contains(response.status.code) else { throw await refusal(response) }
        return response
    }

    /// The kernel queues some connections that the agent has not taken yet. What does not fit is told to try again, and
    /// nothing tells when.
    private func executeOnceThereIsRoom(
        _ request: HTTPClientRequest, timeout: TimeAmount
    ) async throws -> HTTPClientResponse {
        let began = ContinuousClock.now
        while true {
            do {
                return try await Self.client.execute(request, timeout: timeout)
            } catch let error as IOError where error.errnoCode == EAGAIN {
                guard ContinuousClock.now - began < Self.queueLimit else {
                    throw AgentError.refused(
                        "the agent has taken no connection for \(Self.queueLimit.components.seconds) s and as many "
                            + "wait as can; see in its log what it is doing")
                }
                try await Task.sleep(for: Self.queueRetryInterval)
            }
        }
    }

    /// Longer than anything that an agent in order is busy with before it takes connections again.
    private static let queueLimit: Duration = .seconds(30)
    private static let queueRetryInterval: Duration = .milliseconds(50)

    /// One for the process. It does not go on trying where nobody listens: the command ends and says so.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Does something with the agent, and says what is the matter where that breaks off or never begins.
    private func unlessBroken<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as HTTPClientError where error == .remoteConnectionClosed {
            throw Self.brokenOff
        } catch let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode) {
            throw Self.brokenOff
        } catch is HTTPClientError, is IOError, is ChannelError, is SocketAddressError {
            throw absenceOrDenial
        }
    }

    private static let brokenOff = AgentError.brokenOff(
        "the agent ended before it had answered; what was asked for may be done or not, so look before you ask again")

    private var absenceOrDenial: AgentError {
        let directory = socketPath.split(separator: "/").dropLast().joined(separator: "/")
        if unsafe access(socketPath, F_OK) == 0, unsafe access(socketPath, W_OK) != 0 {
            return .refused("\(socketPath): \(denial)")
        }
        if unsafe access("/\(directory)", X_OK) != 0, errno == EACCES {
            return .refused("/\(directory): \(denial)")
        }
        return .noDaemon(absence)
    }

    private func refusal(_ response: HTTPClientResponse) async -> AgentError {
        guard let bytes = try? await response.body.collect(upTo: 1 << 20),
            let problem = try? JSONValue.parse(Array(buffer: bytes)), case .string(let detail)? = problem["detail"]
        else { return .refused("the agent answered \(response.status.code) \(response.status.reasonPhrase)") }
        switch problem.text("reason") {
        case ControlReason.stale: return .stale(detail)
        case ControlReason.configuration: return .configuration(detail.split(separator: "\n").map(String.init))
        default: return response.status == .notFound ? .notFound(detail) : .refused(detail)
        }
    }

    private func url(_ path: String, _ query: [String: String]) -> String {
        let socket = Self.escape(socketPath)
        let pairs = query.map { "\($0.key)=\(Self.escape($0.value))" }
        return "http+unix://\(socket)\(path)" + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if scalar.isASCII, scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                escaped.unicodeScalars.append(scalar)
            } else {
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
