// A child process that is awaited without blocking a thread: its descriptor becomes readable when it ends.
package import Glibc

/// A running or ended child. Whoever spawns one has to `wait`, or it stays as a zombie.
package final class ChildProcess: Sendable {
    /// The child's as long as nobody has waited for it; afterwards the kernel may give it to another process.
    package let pid: pid_t
    /// The kernel's descriptor of exactly this process.
    package let process: OwnedDescriptor
    private let name: String

    /// What is kept of a child's output.
    package static let outputBytesMax = 65_536

    private init(pid: pid_t, process: OwnedDescriptor, name: String) {
        self.pid = pid
        self.process = process
        self.name = name
    }

    /// Starts a program. Its descriptors are used before this returns, and may be closed then.
    ///
    /// - Throws: `SystemError.call` where the program cannot be started, such as a file that is missing.
    package static func spawn(_ plan: SpawnPlan) throws(SystemError) -> ChildProcess {
        let pid = try Spawn.start(plan)
        do throws(SystemError) {
            // A child that nobody has waited for keeps its id, even when it has ended.
            guard let process = try Kernel.openProcess(pid) else {
                throw .call(name: "pidfd_open", subject: plan.name, code: ESRCH)
            }
            return ChildProcess(pid: pid, process: process, name: plan.name)
        } catch {
            // Such as too many open files: nobody would hear of the child again.
            kill(pid, SIGKILL)
            while waitpid(pid, nil, 0) < 0, errno == EINTR {}
            throw error
        }
    }

    /// The child's end; ends early with `nil` when the task is cancelled, and can be called again then.
    package func wait() async throws(SystemError) -> ExitStatus? {
        while true {
            await Readiness.untilReadable(process)
            var status: CInt = 0
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            if ended == pid { return ExitStatus(status: status) }
            if ended < 0, errno != EINTR { throw .call(name: "waitpid", subject: name, code: errno) }
            if Task.isCancelled { return nil }
        }
    }

    /// Waits however long it takes, also in a task that is cancelled: for a child that has been killed.
    package func reap() async throws(SystemError) -> ExitStatus {
        // A new task is not cancelled with this one.
        let result = await Task.detached { () async -> Result<ExitStatus?, SystemError> in
            do throws(SystemError) { return .success(try await self.wait()) } catch { return .failure(error) }
        }.value
        guard let status = try result.get() else { throw .closed }
        return status
    }

    /// Sends a signal; does nothing when the child has ended.
    package func send(_ signal: CInt) throws(SystemError) {
        _ = try Kernel.sendSignal(signal, to: process)
    }
}

extension OwnedDescriptor {
    /// Reads a pipe until its end or until the task is cancelled. More than `byteCountMax` bytes are read, so that the
    /// writer can go on, but not kept.
    package func drain(byteCountMax: Int = ChildProcess.outputBytesMax) async throws(SystemError) -> [UInt8] {
        try setNonBlocking()
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while !Task.isCancelled {
            await Readiness.untilReadable(self)
            guard let count = try read(into: &chunk) else { continue }
            if count == 0 { break }
            all.append(contentsOf: chunk.prefix(min(count, byteCountMax - all.count)))
        }
        return all
    }
}
