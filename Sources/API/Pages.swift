// The pages: files that never change while the agent runs.
import Gateway
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import OperatingSystem

/// Serves the portal's files and noVNC's.
package struct Pages: RouteGroup {
    let installed: InstalledPages

    /// Where Debian's package puts noVNC.
    static let noVNC = "/usr/share/novnc"

    package init(installed: InstalledPages) {
        self.installed = installed
    }

    package var handlers: [Route: Handler] {
        [
            .home: { _, _ in try file(["Pages", "index.html"]) },
            .sessionPage: { _, _ in try file(["Pages", "session.html"]) },
            .icon: { _, _ in try file(["Pages", "favicon.svg"]) },
            .interface: { _, _ in try file(["openapi.json"]) },
            .pageFiles: { _, context in try file(["Pages"] + context.parameters.getCatchAll().map(String.init)) },
            .noVNCFiles: { _, context in
                try file(Self.noVNC, context.parameters.getCatchAll().map(String.init))
            },
        ]
    }

    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml", "json": "application/json", "png": "image/png", "mp3": "audio/mpeg",
        "oga": "audio/ogg", "ttf": "font/ttf", "woff": "font/woff", "woff2": "font/woff2",
    ]

    /// A file that is installed with the program; where there is none, what to do about it.
    private func file(_ parts: [String]) throws -> Response {
        if let directory = installed.directory { return try file(directory, parts) }
        return Response(
            status: .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: InstalledPages.missing)))
    }

    /// A file below a directory; names that could lead out of it are not found.
    private func file(_ directory: String, _ parts: [String]) throws -> Response {
        let isPlain =
            !parts.isEmpty
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".")
                    && !part.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }
            }
        let suffix = parts.last?.split(separator: ".").last.map(String.init) ?? ""
        guard isPlain, let type = Self.types[suffix] else { throw HTTPError(.notFound) }
        let path = "\(directory)/\(parts.joined(separator: "/"))"
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try HostFile.bytes(at: path)
        } catch {
            throw HTTPError(.notFound)
        }
        return Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-cache"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
