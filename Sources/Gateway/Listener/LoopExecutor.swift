// Runs tasks on an event loop: what serves a connection need not be handed from thread to thread.
import NIOCore

/// The loop as an executor of tasks. What runs here holds up all connections of the loop, so that it must not wait for a disk
/// or a name service.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
