// Reads the JSON body of a request, and says all that is wrong with it at once.
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Replica

enum RequestBody {
    /// Longest body in bytes.
    static let byteCountMax = 64 << 10

    /// The content of a body, by a closure that asks for each member; members that nobody asked for are refused.
    static func read<Content>(
        _ request: Request, _ serverID: ServerID, _ content: (inout ObjectReader) -> Content?
    ) async throws -> Content {
        try await parse(request, collect(request, serverID), serverID, content)
    }

    /// A whole body.
    static func collect(_ request: Request, _ serverID: ServerID) async throws(Problem) -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: byteCountMax)
        } catch is NIOTooManyBytesError {
            throw Problem(
                .contentTooLarge, reason: "body-too-large",
                detail: "the body is longer than the \(byteCountMax) bytes allowed", serverID: serverID)
        } catch {
            throw Problem(
                .badRequest, reason: "broken-body", detail: "the body ended early or is malformed", serverID: serverID)
        }
    }

    /// The content of a body that was collected already.
    static func parse<Content>(
        _ request: Request, _ bytes: ByteBuffer, _ serverID: ServerID, _ content: (inout ObjectReader) -> Content?
    ) throws -> Content {
        if let type = request.headers[.contentType], !type.lowercased().hasPrefix("application/json") {
            throw Problem(
                .unsupportedMediaType, reason: "media-type", detail: "the body has to be application/json",
                serverID: serverID)
        }
        let json: JSONValue
        do throws(JSONSyntaxError) {
            json = try JSONValue.parse(Array(buffer: bytes))
        } catch {
            throw Problem(
                .badRequest, reason: "bad-json", detail: "the body is not JSON: \(error)", serverID: serverID)
        }
        let log = MistakeLog("the body")
        var reader = ObjectReader(json, log: log)
        let result = content(&reader)
        reader.finish()
        guard log.errors.isEmpty, let result else {
            throw Problem(
                .unprocessableContent, reason: "bad-content",
                detail: log.errors.map(\.description).joined(separator: "; "), serverID: serverID)
        }
        return result
    }
}
