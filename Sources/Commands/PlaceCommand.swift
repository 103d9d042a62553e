// The place of a member in the cluster: whether users log in there, start sessions there, and whether it is external.
import ArgumentParser
import MemberConfiguration

/// What a member does for users. Both off: it only carries.
struct PlaceFlags: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Enable logins on this server.")
    var logins: Bool?
    @Flag(inversion: .prefixedNo, help: "Start new sessions on this server.")
    var sessions: Bool?
    @Flag(
        inversion: .prefixedNo,
        help: "Server is external: it cannot connect to other members, and every other one holds a link to it.")
    var external: Bool?

    var isEmpty: Bool { logins == nil && sessions == nil && external == nil }

    func apply(to settings: inout SettingsConfiguration) {
        if let logins { settings.loginsEnabled = logins }
        if let sessions { settings.sessionsEnabled = sessions }
    }

    func apply(to cluster: inout ClusterConfiguration) {
        if let external { cluster.external = external }
    }
}

struct Place: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "place", abstract: "Show or change what this member does in the cluster.",
        discussion: """
            A gateway that only carries: "place --no-logins --no-sessions". One outside the network of the others, which \
            cannot connect to them: "--external" as well. A running agent takes changes up at once.
            """)
    @OptionGroup var location: VarDirectoryOption
    @OptionGroup var flags: PlaceFlags

    func run() async throws {
        let editor = try ConfigurationEditor(location.directory, "place")
        if flags.logins != nil || flags.sessions != nil {
            try await editor.edit(SettingsConfiguration.self) { flags.apply(to: &$0) }
        }
        if flags.external != nil { try await editor.edit(ClusterConfiguration.self) { flags.apply(to: &$0) } }
        let settings = try editor.directory.configuration.load(SettingsConfiguration.self).content
        let cluster = try editor.directory.configuration.load(ClusterConfiguration.self).content
        print("logins    \(settings.loginsEnabled ? "enabled" : "disabled")")
        print("sessions  \(settings.sessionsEnabled ? "enabled" : "disabled")")
        print("external  \(cluster.external ? "yes" : "no")")
    }
}
