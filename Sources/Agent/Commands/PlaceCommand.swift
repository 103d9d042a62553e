// The place of a member in the cluster: whether users log in there, start sessions there, and whether it is external.
import ArgumentParser

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

    func apply(to configuration: inout Configuration) {
        if let logins { configuration.settings.loginsEnabled = logins }
        if let sessions { configuration.settings.sessionsEnabled = sessions }
        if let external { configuration.cluster.external = external }
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
        let directory = try location.directory.existing()
        var configuration = Configuration()
        configuration.settings = try directory.configuration.load(SettingsConfiguration.self).content
        configuration.cluster = try directory.configuration.load(ClusterConfiguration.self).content
        flags.apply(to: &configuration)
        if flags.logins != nil || flags.sessions != nil { try directory.configuration.write(configuration.settings) }
        if flags.external != nil { try directory.configuration.write(configuration.cluster) }
        print("logins    \(configuration.settings.loginsEnabled ? "enabled" : "disabled")")
        print("sessions  \(configuration.settings.sessionsEnabled ? "enabled" : "disabled")")
        print("external  \(configuration.cluster.external ? "yes" : "no")")
        if !flags.isEmpty { await Reload.ask(directory) }
    }
}
