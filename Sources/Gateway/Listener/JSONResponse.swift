// Answers of the HTTP interfaces as JSON.
package import HTTPTypes
package import Hummingbird
package import JSON
import NIOCore

extension Response {
    /// An answer that holds one JSON value.
    package static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, _ fields: HTTPFields = [:])
        -> Response
    {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(
            status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: value.canonicalText)))
    }
}
