// Holds tasks back until something has happened.

/// Lets waiters pass once it is open, or when they are cancelled.
package actor Latch {
    private var isOpen = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// Closed.
    package init() {}

    /// Lets everybody pass who waits, and who comes later.
    package func open() {
        isOpen = true
        wake()
    }

    /// Returns once it is open; earlier, where this task or another that waits here is cancelled.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                if isOpen || Task.isCancelled { waiter.resume() } else { waiters.append(waiter) }
            }
        } onCancel: {
            Task { await self.wakeCancelled() }
        }
    }

    /// A daemon that stops cancels all its waiters together.
    private func wakeCancelled() { wake() }

    private func wake() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
