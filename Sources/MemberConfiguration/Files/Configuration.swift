// The whole configuration of this member: the content of its five files, and the metrics beside them.

/// Everything that is configured for this member.
package struct Configuration: Sendable, Equatable {
    /// `cluster.json`.
    package var cluster = ClusterConfiguration()
    /// `settings.json`.
    package var settings = SettingsConfiguration()
    /// `static-data.json`.
    package var staticData = StaticDataConfiguration()
    /// `debug.json`.
    package var debug = DebugConfiguration()
    /// `www.json`.
    package var web = WebConfiguration()
    /// The directory `metrics`.
    package var localMetrics = LocalMetrics()

    /// The defaults.
    package init() {}
}
