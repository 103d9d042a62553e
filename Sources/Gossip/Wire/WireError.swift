// What can be wrong with a message received.
package import Replica

/// Every error of reading a message.
package enum WireError: Error, Equatable, Sendable {
    /// The message ends before the field named.
    case truncated(String)
    /// A field has a value that is not allowed.
    case field(String, String)
    /// A type below `MessageType.firstIgnorable` that is not known here.
    case unknownType(UInt8)
    /// The entries of a message cannot be told apart.
    case entries(ReplicaError)
    /// The message has so many bytes, more than `Message.byteCountMax`.
    case tooLong(Int)
}

extension WireError: CustomStringConvertible {
    /// What is wrong with the message, in one line for the log and for the peer.
    package var description: String {
        switch self {
        case .truncated(let field): "a message ends before its field \"\(field)\""
        case .field(let field, let reason): "a message's field \"\(field)\" \(reason)"
        case .unknownType(let type): "a message has the unknown type \(type)"
        case .entries(let error): "\(error)"
        case .tooLong(let count): "a message of \(count) bytes is longer than the \(Message.byteCountMax) allowed"
        }
    }
}
