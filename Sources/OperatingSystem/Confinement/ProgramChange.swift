// A process becomes another program: the arguments are made beforehand, so that a filter can name the path's address.
import Glibc

/// What this process is about to become.
///
/// The memory of the texts is never given back: the process either becomes the program, or ends.
@safe package struct ProgramChange {
    private let path: UnsafeMutablePointer<CChar>
    private let words: [UnsafeMutablePointer<CChar>?]
    private let variables: [UnsafeMutablePointer<CChar>?]

    /// - Parameters:
    ///   - arguments: Without the program's own name.
    ///   - environment: The whole environment.
    package init(program: String, arguments: [String], environment: [String: String]) throws(SystemError) {
        let path = unsafe try Self.copy(program)
        unsafe self.path = unsafe path
        var words: [UnsafeMutablePointer<CChar>?] = unsafe []
        unsafe words.append(path)
        for argument in arguments {
            let word = unsafe try Self.copy(argument)
            unsafe words.append(word)
        }
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe []
        for (name, value) in environment {
            let variable = unsafe try Self.copy("\(name)=\(value)")
            unsafe variables.append(variable)
        }
        unsafe self.words = unsafe words + [nil]
        unsafe self.variables = unsafe variables + [nil]
    }

    private static func copy(_ text: String) throws(SystemError) -> UnsafeMutablePointer<CChar> {
        guard let copy = unsafe strdup(text) else {
            throw .call(name: "strdup", subject: "an argument", code: errno)
        }
        return unsafe copy
    }

    /// The first argument of the one `execve` to come, for `SystemCallFilter`.
    package var pathAddress: UInt64 { unsafe UInt64(UInt(bitPattern: path)) }

    /// Becomes the program. Returns only when that fails.
    package func become() -> SystemError {
        _ = unsafe execve(path, words, variables)
        return .call(name: "execve", subject: unsafe String(cString: path), code: errno)
    }
}
