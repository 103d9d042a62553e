// What a handler of the control socket knows of who asks.
import Gateway
import Hummingbird
import NIOCore
import OperatingSystem

/// The context of a request on the control socket.
struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The account whose process asks, as the kernel says.
    func user() async throws -> String {
        guard let uid = try await SocketPeer.user(of: channel).get() else { return "a user not known" }
        return try UnixUser.withID(uid)?.name ?? "user id \(uid)"
    }
}
