// A thread of our own, for work that blocks.
import Glibc

/// A running thread. It is detached: whoever must know that it ended has it say so.
enum WorkerThread {
    private final class Work {
        private let body: @Sendable () -> Void
        private let name: String

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            // The name is for debuggers and `top`; without it all works the same.
            if let file = try? FileDescriptor(opening: "/proc/thread-self/comm", O_WRONLY) {
                let text = Array(name.utf8)
                try? file.write(unsafe text.span.bytes)
            }
            body()
        }
    }

    /// Starts a thread under a name of at most 15 bytes.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        let work = unsafe Unmanaged.passRetained(Work(name, body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                work.run()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            unsafe work.release()
            throw .environment(operation: "start thread \(name)", reason: systemReason(status))
        }
        pthread_detach(thread)
    }
}
