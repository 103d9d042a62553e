// What became of a connection, in words for people.
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

/// Why a host could not be dialled, in one line for people.
package struct DialError: Error, Sendable, CustomStringConvertible {
    /// The reason: a kind of failure, a colon, and details.
    package let description: String

    /// A reason in one line, without the host's name, which the caller puts before it.
    package init(_ description: String) { self.description = description }
}

/// Errors of connections as sentences for the log and for `lastError`.
package enum ConnectionFailure {
    /// Why a connection that was in use ended.
    package static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: "the connection broke: \(reason(of: error))"
        case is CancellationError: "this member stopped serving the connection"
        case let error as NIOSSLError where error == .uncleanShutdown: "the connection broke: the peer is gone"
        default: "the connection broke: \(error)"
        }
    }

    /// What the system calls an error.
    static func reason(of error: IOError) -> String { unsafe String(cString: strerror(error.errnoCode)) }

    /// Why a connection to a host did not come about.
    package static func explain(_ error: any Error, _ dial: HostDial) -> String {
        switch error {
        case let error as NIOConnectionError:
            return error.explained { explain($0, dial) } ?? "unreachable: the name \(dial.host) is not known"
        case let error as ProxiedConnectionError: return explainProxied(error, dial)
        case let error as DialError: return error.description
        case let error as RefusedAddress: return error.description
        case let error as ProxyFailure: return error.description
        case let error as IOError: return "unreachable: \(reason(of: error))"
        case let error as ChannelError:
            if case .connectTimeout = error { return "unreachable: no answer in \(dial.timeout)" }
            return "unreachable: the connection was closed during the handshake"
        case is HTTPParserError: return "not an agent: its answer is not HTTP"
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: return explainTLS(error, dial)
        default: return "not an agent: \(error)"
        }
    }

    private static func explainProxied(_ failure: ProxiedConnectionError, _ dial: HostDial) -> String {
        let explainOne: (any Error) -> String = { error in
            // What went wrong behind the proxy is the host's, or the proxy's all the same.
            error is ProxyFailure ? "\(error)" : "\(explain(error, dial)) (through the proxy \(failure.proxy))"
        }
        let told: (String) -> String = { reason in
            "\(ProxyFailure(proxy: failure.proxy, destination: failure.destination, reason: .unreachable(reason)))"
        }
        switch failure.error {
        case let error as NIOConnectionError:
            return error.explained(tellsAll: false, by: explainOne) ?? told("its name is not known")
        case let error as ChannelError: return told(words(of: error))
        default: return explainOne(failure.error)
        }
    }

    /// Why a host that nothing has been said to is not reached.
    static func words(of error: any Error) -> String {
        switch error {
        case let error as IOError: reason(of: error)
        case ChannelError.connectTimeout(let limit): "no answer in \(Duration(limit))"
        case is ChannelError: "it closed the connection"
        default: "\(error)"
        }
    }

    /// The TLS library tells its reasons in a text of its own.
    private static func explainTLS(_ error: any Error, _ dial: HostDial) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            if dial.tls.isPinned {
                return "certificate: it shows another one than the map names; either it was replaced just now, or "
                    + "something between ends TLS"
            }
            return "certificate: no trusted authority signed it, and the options of this connection demand one"
        }
        if text.contains("EOF during handshake") {
            return "unreachable: the connection was closed during the TLS handshake"
        }
        if text.contains("uncleanShutdown") { return "not an agent: it closed the connection during the TLS handshake" }
        if error is NIOSSLExtraError { return "certificate: it is not made out to this host: \(text)" }
        let isOtherProtocol = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "tls_record"].contains {
            text.contains($0)
        }
        return isOtherProtocol ? "not an agent: it does not speak TLS" : "certificate: TLS failed: \(text)"
    }
}
