// The whole configuration of this member: the content of its five files.

/// Everything that is configured for this member.
struct Configuration: Sendable, Equatable {
    var cluster = ClusterConfiguration()
    var settings = SettingsConfiguration()
    var staticData = StaticDataConfiguration()
    var debug = DebugConfiguration()
    var web = WebConfiguration()
}
