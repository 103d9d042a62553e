// Why a proxy has opened no connection, in words for people.
import OperatingSystem

/// What became of the question to a proxy.
struct ProxyFailure: Error, CustomStringConvertible {
    enum Reason {
        case unreachable(String)
        /// It took the connection, and did not answer in time.
        case silent
        case closed
        case notHTTP
        case longAnswer
        case refused(status: Int, phrase: String)
    }

    let proxy: OutboundProxy
    let destination: HostAndPort
    let reason: Reason

    var description: String {
        let name = "unreachable: the proxy \(proxy)"
        switch reason {
        case .unreachable(let reason): return "\(name) cannot be reached: \(reason)"
        case .silent: return "\(name) gave no answer to CONNECT \(destination)"
        case .closed: return "\(name) closed the connection without an answer to CONNECT \(destination)"
        case .notHTTP: return "\(name) is none: it does not answer CONNECT \(destination) by HTTP"
        case .longAnswer:
            let limit = ProxyTunnel.headByteCountMax
            return "\(name) answered CONNECT \(destination) with a head of more than \(limit) bytes"
        case .refused(let status, let phrase):
            let answer = "\(name) answered \(status)\(phrase.isEmpty ? "" : " \(phrase)") to CONNECT \(destination)"
            return status == Self.authenticationRequired ? "\(answer): \(credentialsAdvice)" : answer
        }
    }

    private static let authenticationRequired = 407

    private var credentialsAdvice: String {
        proxy.authorization == nil
            ? "it wants a user and a password; write them as http://user:password@\(proxy) into \(proxy.place)"
            : "it does not take the user and the password in \(proxy.place)"
    }
}

/// What was wrong where connections were opened through a proxy.
struct ProxiedConnectionError: Error {
    let proxy: OutboundProxy
    let destination: HostAndPort
    let error: any Error
}
