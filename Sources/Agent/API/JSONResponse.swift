// Answers of the HTTP interfaces as JSON.
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

extension Response {
    /// An answer that holds one JSON value.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, _ fields: HTTPFields = [:]) -> Response {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(
            status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: value.canonicalText)))
    }
}
