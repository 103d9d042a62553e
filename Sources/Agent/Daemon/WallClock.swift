// The wall clock in the form that the map's entries have.
import OperatingSystem
import Replica

extension WallClock {
    /// Now, by the host's clock.
    static func now() -> WallTime { WallTime(milliseconds: milliseconds()) }
}

extension WallTime {
    /// ISO 8601 in UTC with milliseconds.
    var text: String { WallClock.text(milliseconds: milliseconds) }
}
