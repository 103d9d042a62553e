// The variables that this process was started with.
import Glibc

/// This process's environment.
package enum ProcessEnvironment {
    /// All of them. The C library has no lock on them: nothing in this process may change them any more.
    package static func current() -> [String: String] {
        var found: [String: String] = [:]
        var next = unsafe environ
        while let line = unsafe next.pointee {
            let text = unsafe String(cString: line)
            if let equals = text.firstIndex(of: "=") {
                found[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            unsafe next += 1
        }
        return found
    }
}
