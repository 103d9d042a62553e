// Errors of the HTTP interface as RFC 9457 problem documents.
package import HTTPTypes
package import Hummingbird
package import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A problem document: which member says what is wrong, by which rule, and what to do.
package struct Problem: Error, Sendable {
    package let status: HTTPResponse.Status
    package let detail: String
    /// A stable word for programs.
    package let reason: String
    package let serverID: String

    package init(_ status: HTTPResponse.Status, reason: String, detail: String, serverID: String) {
        self.status = status
        self.detail = detail
        self.reason = reason
        self.serverID = serverID
    }

    private struct Document: Encodable {
        let status: Int
        let title: String
        let detail: String
        let reason: String
        let serverId: String
    }
}

extension Problem: HTTPResponseError {
    package static let mediaType = "application/problem+json"

    /// The document as JSON.
    package var document: ByteBuffer {
        let document = Document(
            status: status.code, title: status.reasonPhrase, detail: detail, reason: reason, serverId: serverID)
        // Four texts and a number: encoding them does not fail.
        return ByteBuffer(bytes: (try? JSONEncoder().encode(document)) ?? Data())
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        Response(
            status: status, headers: [.contentType: Self.mediaType], body: .init(byteBuffer: document))
    }
}
