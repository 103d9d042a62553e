// Errors of the HTTP interface as RFC 9457 problem documents.
package import HTTPTypes
package import Hummingbird
package import NIOCore
package import Replica
import Transport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A problem document: which member says what is wrong, by which rule, and what to do.
package struct Problem: Error, Sendable {
    /// Of the answer.
    package let status: HTTPResponse.Status
    /// For people: what is wrong, and what to do.
    package let detail: String
    /// A stable word for programs.
    package let reason: String
    /// The member that says it.
    package let serverID: ServerID
    /// Fields of the response besides its type.
    package var headers: HTTPFields = [:]

    package init(_ status: HTTPResponse.Status, reason: String, detail: String, serverID: ServerID) {
        self.status = status
        self.detail = detail
        self.reason = reason
        self.serverID = serverID
    }

    /// The reason given for an answer that is no problem document, and so hardly a member's.
    package static let noDocument = "bad-answer"

    /// What another member answered instead of what it was asked for.
    package init(answered status: HTTPResponse.Status, _ body: some Sequence<UInt8>, by serverID: ServerID) {
        if let document = ProblemDocument(body), let reason = document.reason, let detail = document.detail {
            self.init(status, reason: reason, detail: detail, serverID: serverID)
        } else {
            self.init(
                status, reason: Self.noDocument,
                detail: "\(serverID), or something before it, answered \(status.code)", serverID: serverID)
        }
    }

    private struct Document: Encodable {
        let status: Int
        let title: String
        let detail: String
        let reason: String
        let serverId: ServerID
    }
}

extension Problem: HTTPResponseError {
    /// Of the document (RFC 9457).
    package static let mediaType = "application/problem+json"

    /// The document as JSON.
    package var document: ByteBuffer {
        let document = Document(
            status: status.code, title: status.reasonPhrase, detail: detail, reason: reason, serverId: serverID)
        // Four texts and a number: encoding them does not fail.
        return ByteBuffer(bytes: (try? JSONEncoder().encode(document)) ?? Data())
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var headers = headers
        headers[.contentType] = Self.mediaType
        return Response(status: status, headers: headers, body: .init(byteBuffer: document))
    }
}
