// settings.json: what this member offers, and its intervals and limits.

/// The settings of this member.
package struct SettingsConfiguration: Sendable, Equatable {
    /// Enable logins on this server.
    package var loginsEnabled = true

    /// Start new sessions on this server.
    package var sessionsEnabled = true

    /// No new logins and no new sessions, so that the host empties; those that are there go on.
    package var draining = false

    /// Displays of another member's sessions come through the member that the user is at, and are not tried directly.
    ///
    /// It counts at either of the two members.
    package var forceIndirect = false

    /// Seconds between two server updates.
    ///
    /// An update is a lease of 90 s, so two may be lost at the default of 30 s.
    package var updateIntervalSeconds = 30

    /// Address space for the store, in GiB.
    ///
    /// It is reserved, not used, so it is generous: it cannot grow while the agent runs.
    package var storeMapGiB = 1024

    /// The URLs under which this member announces itself, each `https://host:port`.
    ///
    /// Empty: from listen address and host name.
    package var urls: [String] = []

    /// Seconds between two full comparisons over one link, which find what live changes have missed.
    package var reconcileIntervalSeconds = 60

    /// Seconds after which a member that may be asked for something, and of which nothing was learnt, is probed.
    package var probeIntervalSeconds = 60

    /// Where the sockets for this host's users are: a directory that everybody may enter and only the agent may change.
    ///
    /// Empty: the service manager's runtime directory, or one of this member's own below `/tmp`.
    package var runtimeDirectory = ""

    /// How users log in.
    package var logins = LoginConfiguration()

    /// The sessions of this server.
    package var sessions = SessionConfiguration()

    /// Scripts that choose servers.
    package var scripts = ScriptConfiguration()

    /// Which metrics run on this host.
    package var metrics = MetricsMode.cluster

    /// Whether a user may log in now.
    package var takesLogins: Bool { loginsEnabled && !draining }
    /// Whether a session may be started now.
    package var startsSessions: Bool { sessionsEnabled && !draining }

    /// The defaults.
    package init() {}

    /// `updateIntervalSeconds`, as a duration.
    package var updateInterval: Duration { .seconds(updateIntervalSeconds) }
    /// `probeIntervalSeconds`, as a duration.
    package var probeInterval: Duration { .seconds(probeIntervalSeconds) }
    /// `reconcileIntervalSeconds`, as a duration.
    package var reconcileInterval: Duration { .seconds(reconcileIntervalSeconds) }
}

/// The limits of `settings.json`.
enum SettingsLimits {
    /// At most 60 s, so that a lease of 90 s outlives one update that comes late.
    static let updateIntervalSeconds = 1...60

    /// Up to 16 TiB: processors with 48 bits of address have eight times that.
    static let storeMapGiB = 1...16384

    static let probeIntervalSeconds = 5...3600
    static let reconcileIntervalSeconds = 1...3600
    static let urlCountMax = 16
}
