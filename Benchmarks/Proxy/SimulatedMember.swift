// A member as an external one sees it: its link, as far as it takes to be back (docs/protocol.md, section 12.4).
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Replica
import Trust

/// Makes the tokens of members that hold the cluster's gateway key.
struct MemberTokens: Sendable {
    private let keyRing: KeyRing
    private let certificateSHA256: [UInt8]

    /// - Parameters:
    ///   - secret: The key, as `fastx-agent key export` prints it.
    ///   - certificate: The file with the certificate of the member that the tokens are for.
    init(secret: String, certificate: String) throws {
        try Sodium.start()
        keyRing = try KeyRing([
            try ClusterKey(
                secret: try Secret.parse(secret.trimmingCharacters(in: .whitespacesAndNewlines)), scope: .gateway)
        ])
        guard let leaf = try NIOSSLCertificate.fromPEMFile(certificate).first else {
            throw BenchmarkError("\(certificate) holds no certificate")
        }
        certificateSHA256 = Sodium.sha256(try leaf.toDERBytes())
    }

    func fields(_ server: ServerID, _ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) throws -> HTTPHeaders {
        let tokens = try MemberToken.issue(
            keyRing: keyRing, issuer: server,
            binding: RequestBinding(
                method: method.rawValue, path: path, body: body, certificateSHA256: certificateSHA256),
            nowSeconds: Int64(Date().timeIntervalSince1970), tokenID: (0..<16).map { _ in .random(in: 0...255) })
        return ["fastx-member": tokens.joined(separator: ",")]
    }
}

/// One member that is there for its link alone.
struct SimulatedMember: Sendable {
    private static let path = "/cluster/events"

    let serverID: ServerID
    let tokens: MemberTokens
    let route: Route
    let dialler: Dialler

    /// Opens a link and says the first heartbeat. The member is back when that is taken.
    func link() async throws -> any Channel {
        var head = HTTPRequestHead.make(.GET, Self.path, route)
        head.headers.add(contentsOf: try tokens.fields(serverID, .GET, Self.path))
        head.headers.add(name: "accept", value: "text/event-stream")
        let (channel, link) = try await dialler.openAnswered(on: route) { [head] in LinkStream(head, $0) }
        do {
            let body: JSONBody = ["link": link]
            let answer = try await dialler.request(
                .POST, Self.path, body, more: try tokens.fields(serverID, .POST, Self.path, body.bytes), on: route)
            guard answer.status == .noContent else {
                throw BenchmarkError("a heartbeat was answered by \(answer.text)")
            }
            return channel
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }
}

/// Reads the link's name from its first event.
private final class LinkStream: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let named: EventLoopPromise<String>
    private var status = HTTPResponseStatus.ok
    private var text = ""
    private static var byteCountMax: Int { 4_096 }

    init(_ head: HTTPRequestHead, _ named: EventLoopPromise<String>) {
        self.head = head
        self.named = named
    }

    private struct Hello: Decodable {
        let link: String
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let answer): status = answer.status
        case .body(let bytes):
            guard text.utf8.count < Self.byteCountMax else { return }
            text += String(buffer: bytes)
            guard status == .ok else { return fail(context, "\(status): \(text)") }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            // A line counts once its end is there.
            guard let line = lines.dropLast().first(where: { $0.hasPrefix("data:") }) else { return }
            guard let hello = try? JSONDecoder().decode(Hello.self, from: Data(line.dropFirst(5).utf8)) else {
                return fail(context, "not a hello: \(line)")
            }
            named.succeed(hello.link)
        case .end: fail(context, "\(status)")
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ detail: String) {
        named.fail(BenchmarkError("a link was answered by \(detail)"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        named.fail(ChannelError.eof)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        named.fail(error)
        context.close(promise: nil)
    }
}
