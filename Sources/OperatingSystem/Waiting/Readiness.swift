// Waits for descriptors without blocking a thread of Swift's: one thread of our own polls for all who wait.
import Glibc
import Synchronization

/// Dispatch's sources would do the same, but on Linux they crash when a connection is hung up while its source is
/// cancelled (swift-corelibs-libdispatch, 6.3).
package enum Readiness {
    /// Returns when reading would not wait, at the end of the stream too, or when the task is cancelled.
    package static func untilReadable(_ descriptor: OwnedDescriptor) async {
        await untilReady(descriptor, Int16(POLLIN))
    }

    /// Returns when writing would not wait, or when the task is cancelled.
    package static func untilWritable(_ descriptor: OwnedDescriptor) async {
        await untilReady(descriptor, Int16(POLLOUT))
    }

    private static func untilReady(_ descriptor: OwnedDescriptor, _ events: Int16) async {
        while !Task.isCancelled, !isReady(descriptor, events) {
            do throws(SystemError) {
                await (try Poller.shared()).wait(descriptor, events)
            } catch {
                // No thread or no descriptor left: what is waited for is looked at now and then until there is.
                try? await Task.sleep(for: Poller.retryPause)
            }
        }
    }

    private static func isReady(_ descriptor: OwnedDescriptor, _ events: Int16) -> Bool {
        var entry = pollfd(fd: descriptor.raw, events: events, revents: 0)
        // One that was taken or closed is ready: using it tells what is wrong.
        if entry.fd < 0 { return true }
        return unsafe poll(&entry, 1, 0) != 0
    }
}

/// The thread that polls, and those who wait for it.
private final class Poller: Sendable {
    static let retryPause: Duration = .milliseconds(100)

    private struct Waiter {
        /// Kept open as long as somebody waits for it.
        let descriptor: OwnedDescriptor
        let events: Int16
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var lastNumber: UInt64 = 0
    }

    private static let single = Mutex(Poller?.none)
    private let state = Mutex(State())
    /// A byte ends the current `poll`, so that it begins again with those who wait now.
    private let wakeReading: OwnedDescriptor
    private let wakeWriting: OwnedDescriptor

    /// The one of this process, started at its first use.
    static func shared() throws(SystemError) -> Poller {
        if let poller = single.withLock({ $0 }) { return poller }
        let poller = try Poller()
        let (chosen, isNew) = single.withLock { single in
            if let single { return (single, false) }
            single = poller
            return (poller, true)
        }
        if isNew { try chosen.start() }
        return chosen
    }

    private init() throws(SystemError) {
        (wakeReading, wakeWriting) = try Kernel.makePipe()
        try wakeReading.setNonBlocking()
        try wakeWriting.setNonBlocking()
    }

    private func start() throws(SystemError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let poller = unsafe Unmanaged<Poller>.fromOpaque(argument).takeRetainedValue()
                while true { poller.pollOnce() }
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else {
            unsafe Unmanaged.passUnretained(self).release()
            Self.single.withLock { $0 = nil }
            throw .call(name: "pthread_create", subject: "the thread that polls", code: code)
        }
    }

    /// Returns once the descriptor is ready or the task is cancelled.
    func wait(_ descriptor: OwnedDescriptor, _ events: Int16) async {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    state.waiters[number] = Waiter(descriptor: descriptor, events: events, continuation: continuation)
                }
                wake()
                if Task.isCancelled { end(number) }
            }
        } onCancel: {
            end(number)
        }
    }

    private func end(_ number: UInt64) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: number) }
        waiter?.continuation.resume()
    }

    private func wake() {
        var byte: UInt8 = 1
        // A full pipe wakes as well.
        _ = unsafe write(wakeWriting.raw, &byte, 1)
    }

    private func pollOnce() {
        let waiting = state.withLock { $0.waiters.map { (number: $0.key, waiter: $0.value) } }
        var entries = waiting.map { pollfd(fd: $0.waiter.descriptor.raw, events: $0.waiter.events, revents: 0) }
        entries.append(pollfd(fd: wakeReading.raw, events: Int16(POLLIN), revents: 0))
        guard unsafe poll(&entries, nfds_t(entries.count), -1) > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 256)
        if entries.last?.revents != 0 { _ = try? wakeReading.read(into: &bytes) }
        for (waiting, entry) in zip(waiting, entries) where entry.revents != 0 { end(waiting.number) }
    }
}

/// Ends work that takes too long.
package enum TimeLimit {
    /// The operation's result, or `nil` when the time is over; the operation is cancelled then and has to return soon.
    package static func run<Value: Sendable>(
        _ limit: Duration, _ operation: @escaping @Sendable () async -> Value
    ) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await operation() }
            group.addTask {
                // Thrown only when the operation was faster.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
