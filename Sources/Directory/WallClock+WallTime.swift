// The wall clock in the form that the map's entries have.
package import OperatingSystem
package import Replica

extension WallClock {
    /// Now, by the host's clock.
    package static func now() -> WallTime { WallTime(milliseconds: milliseconds()) }
}

extension WallTime {
    /// ISO 8601 in UTC with milliseconds.
    package var text: String { WallClock.text(milliseconds: milliseconds) }
}
