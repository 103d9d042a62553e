// How client commands reach the agent.
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Talks to an agent over one of its sockets: the one of its var directory, or the one for this host's users.
struct ControlClient {
    private let socketPath: String
    /// What to say where nobody listens, and where the socket may not be used.
    private let absence: String
    private let denial: String

    /// For the agent's own user.
    init(directory: VarDirectory) {
        socketPath = directory.socket
        absence =
            "no agent is running for \(directory.path); start one with \"fastx-agent run --var-dir \(directory.path)\", "
            + "or name its directory with --var-dir"
        denial = "permission denied; run this command as the agent's user or as root"
    }

    /// For every user of this host.
    init(userSocket: String) {
        socketPath = userSocket
        absence =
            "no agent answers at \(userSocket); name its socket for users with --socket or the variable "
            + "\(UserSocketOption.environmentVariable), or ask the administrator"
        denial = "permission denied; ask the administrator for access"
    }

    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// The answer of one request, whole.
    func request(
        _ method: Method, _ path: String, _ query: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> JSONValue {
        let response = try await send(method, path, query, body: body, timeout: .minutes(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return bytes.readableBytes == 0 ? [:] : try JSONValue.parse(Array(buffer: bytes))
    }

    /// The lines of an answer, as they come.
    func lines(
        _ path: String, _ query: [String: String] = [:], _ each: (ByteBuffer) throws -> Void
    ) async throws {
        let response = try await send(.get, path, query, body: nil, timeout: .hours(24 * 365))
        for try await part in response.body { try each(part) }
    }

    private func send(
        _ method: Method, _ path: String, _ query: [String: String], body: [UInt8]?, timeout: TimeAmount
    ) async throws -> HTTPClientResponse {
        try checkSocket()
        var request = HTTPClientRequest(url: url(path, query))
        request.method = .init(rawValue: method.rawValue)
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response: HTTPClientResponse
        do {
            response = try await HTTPClient.shared.execute(request, timeout: timeout)
        } catch {
            throw noDaemon
        }
        guard (200..<300).contains(response.status.code) else { throw await refusal(response) }
        return response
    }

    private func checkSocket() throws {
        if connects() { return }
        let directory = socketPath.split(separator: "/").dropLast().joined(separator: "/")
        if unsafe access(socketPath, F_OK) == 0, unsafe access(socketPath, W_OK) != 0 {
            throw AgentError.refused("\(socketPath): \(denial)")
        }
        if unsafe access("/\(directory)", X_OK) != 0, errno == EACCES {
            throw AgentError.refused("/\(directory): \(denial)")
        }
        throw noDaemon
    }

    /// Whether somebody listens: the HTTP library would go on trying.
    private func connects() -> Bool {
        guard socketPath.utf8.count <= VarDirectory.socketPathByteCountMax else { return false }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: socketPath.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, length) }
        } == 0
    }

    private var noDaemon: AgentError { .noDaemon(absence) }

    private func refusal(_ response: HTTPClientResponse) async -> AgentError {
        guard let bytes = try? await response.body.collect(upTo: 1 << 20),
            let problem = try? JSONValue.parse(Array(buffer: bytes)), case .string(let detail)? = problem["detail"]
        else { return .refused("the agent answered \(response.status.code) \(response.status.reasonPhrase)") }
        return response.status == .notFound ? .notFound(detail) : .refused(detail)
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
