// The logger of the HTTP library.
package import Logging

extension Logger {
    /// The HTTP library is not heard: it reports as errors what happens at every stop, and what matters is thrown.
    package static var quietHTTP: Logger {
        Logger(label: "http") {
            var handler = StreamLogHandler.standardError(label: $0)
            handler.logLevel = .critical
            return handler
        }
    }
}
