// Which version of the program this is.

/// This program's version: the one place that says it.
package enum ProgramVersion {
    /// As `fastx-agent --version` prints it.
    package static let number = "0.1.0"
    /// As members, and the commands that ask for it, are told.
    package static let software = "fastx-agent \(number)"
}
