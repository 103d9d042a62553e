// The reasons of refusals on the control socket that the command line tells apart.

/// What a problem's `reason` says.
package enum ControlReason {
    /// Somebody else has changed the file since it was read.
    package static let stale = "stale"
    /// The file would have mistakes; the detail has a line for each.
    package static let configuration = "configuration"
}
