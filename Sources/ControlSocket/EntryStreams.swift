// Answers without end or of any length: dumps and watches, line by line.
import Control
import Directory
import Gateway
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import OperatingSystem
import Replica
import ServiceLifecycle
import Store

struct EntryStreams: Sendable {
    let store: Store

    /// How many bytes of lines are made at once: each part is read by a reader of its own, so a long dump does not
    /// hold on to old pages.
    private static let partByteCountMax = 256 << 10

    /// The entries below a prefix, in key order, as lines.
    func dump(_ request: Request, _ context: ControlContext) async throws -> Response {
        let prefix = Array((request.uri.queryParameters.get("prefix") ?? "").utf8)
        return Self.lines { [store] writer in
            var after: Key?
            repeat {
                let start = after
                let (lines, last) = try await store.readOnReaderThread {
                    (snapshot) throws(StoreError) -> (ByteBuffer, Key?) in
                    var lines = ByteBuffer()
                    var last: Key?
                    try snapshot.forEach(prefix: prefix, after: start) {
                        (_, _, key, value) throws(StoreError) -> Bool in
                        lines.writeString(EntryDocument.line(key: key, value: value))
                        lines.writeInteger(UInt8(ascii: "\n"))
                        guard lines.readableBytes >= Self.partByteCountMax else { return true }
                        last = Key(checked: key.copy())
                        return false
                    }
                    return (lines, last)
                }
                try await writer.write(lines)
                after = last
            } while after != nil
        }
    }

    /// Every change below a prefix from now on, as lines; a deletion has `"deleted":true`.
    func watch(_ request: Request, _ context: ControlContext) async throws -> Response {
        let prefix = Array((request.uri.queryParameters.get("prefix") ?? "").utf8)
        let feed = store.subscribe()
        return Self.lines { writer in
            // An empty line tells the client that the watch has begun.
            try await writer.write(ByteBuffer(string: "\n"))
            for await event in feed.cancelOnGracefulShutdown() {
                var lines = ByteBuffer()
                switch event {
                case .commit(let commit):
                    for group in commit.groups { Self.append(group, prefix, to: &lines) }
                case .rescan: lines.writeString("{\"missed\":true}\n")
                }
                if lines.readableBytes > 0 { try await writer.write(lines) }
            }
        }
    }

    private static func append(_ group: ChangeGroup, _ prefix: [UInt8], to lines: inout ByteBuffer) {
        let hasExpired = group.source == .expiry
        let now = WallClock.now()
        group.entries.forEach { (header, key, value, _) in
            guard key.copy().starts(with: prefix) else { return }
            let hasExpired = hasExpired || header.isExpired(at: now)
            if header.kind == .value, !hasExpired {
                lines.writeString(EntryDocument.line(key: key, value: value))
            } else {
                let text = JSONValue.canonicalString(String(decoding: key.copy(), as: UTF8.self))
                lines.writeString("{\"\(hasExpired ? "expired" : "deleted")\":true,\"key\":\(text)}")
            }
            lines.writeInteger(UInt8(ascii: "\n"))
        }
    }

    /// An answer made line by line.
    static func lines(
        _ body: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody { writer in
                try await body(&writer)
                try await writer.finish(nil)
            })
    }
}
