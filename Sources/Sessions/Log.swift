// How this module tells what it does: a closure, so that stewards and supervisors need no logging system.

/// How much a line of the log matters.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, notice, warning, error

    /// By weight: `debug` is the least.
    package static func < (left: LogLevel, right: LogLevel) -> Bool {
        allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
}

/// Takes one line of the log, without its end. Called on any thread.
package typealias SessionsLog = @Sendable (LogLevel, String) -> Void
