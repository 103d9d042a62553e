// What became of a connection, in words for people.
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

enum ConnectionFailure {
    /// Why a connection that was in use ended.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: "the connection broke: \(reason(of: error))"
        case is CancellationError: "this member stopped serving the connection"
        case let error as NIOSSLError where error == .uncleanShutdown: "the connection broke: the peer is gone"
        default: "the connection broke: \(error)"
        }
    }

    /// What the system calls an error.
    static func reason(of error: IOError) -> String { unsafe String(cString: strerror(error.errnoCode)) }
}
