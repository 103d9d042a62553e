// Signals as bytes of a pipe, so that one `poll` waits for them and for everything else.
import Glibc

/// The writing end; read by the signal handler, which may use no more than this.
nonisolated(unsafe) private var writingEnd: CInt = -1

/// Catches signals from now on, for the whole process and for good.
package enum SignalPipe {
    /// The reading end, to which signals that were held back come as well. To be called once in a process.
    package static func open(_ signals: [CInt]) throws(SystemError) -> OwnedDescriptor {
        let pipe = try Kernel.makePipe()
        try pipe.reading.setNonBlocking()
        try pipe.writing.setNonBlocking()
        unsafe writingEnd = pipe.writing.take()
        for number in signals {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = { number in
                // The interrupted code may be about to read it.
                let code = errno
                var byte = UInt8(truncatingIfNeeded: number)
                // A full pipe holds signals enough.
                _ = unsafe write(writingEnd, &byte, 1)
                errno = code
            }
            action.sa_flags = SA_RESTART
            guard unsafe sigaction(number, &action, nil) == 0 else {
                throw .call(name: "sigaction", subject: "signal \(number)", code: errno)
            }
        }
        var caught = sigset_t()
        unsafe sigemptyset(&caught)
        for number in signals { unsafe sigaddset(&caught, number) }
        let code = unsafe pthread_sigmask(SIG_UNBLOCK, &caught, nil)
        guard code == 0 else { throw .call(name: "pthread_sigmask", subject: "this thread", code: code) }
        return pipe.reading
    }

    /// The signals that have come since.
    package static func read(_ pipe: OwnedDescriptor) throws(SystemError) -> Set<CInt> {
        var found: Set<CInt> = []
        var bytes = [UInt8](repeating: 0, count: 256)
        while let count = try pipe.read(into: &bytes), count > 0 {
            found.formUnion(bytes.prefix(count).map { CInt($0) })
        }
        return found
    }
}
