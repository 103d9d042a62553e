// Starts the steward of the agent's own user.
import Glibc
import OperatingSystem

/// For an agent that runs as the one user it serves.
package struct SelfLaunch: Sendable {
    private let program: StewardProgram
    private let server: StewardServer
    private let inherited: InheritedLimits

    /// - Parameters:
    ///   - fileModeMask: The user's own: the agent's is stricter, and the user's programs would inherit it.
    ///   - openFilesMax: The limit that the agent was started with, before it raised it.
    package init(
        program: StewardProgram, server: StewardServer, fileModeMask: UInt32 = 0o022, openFilesMax: UInt64? = 1_024
    ) {
        self.program = program
        self.server = server
        var inherited = InheritedLimits(fileModeMask: fileModeMask)
        inherited.openFilesMax = openFilesMax
        self.inherited = inherited
    }

    /// Returns once the steward is connected.
    package func start() async throws(LaunchError) {
        let user: UnixUser
        do throws(SystemError) {
            user = try UnixUser.current()
        } catch {
            throw .system(error)
        }
        let environment = SessionEnvironment.base(user: user, from: ProcessEnvironment.current())
        let plan = SpawnPlan(
            program: program.path, arguments: program.arguments,
            environment: environment.merging(inherited.variables) { $1 }, directory: "/")
        try await program.launch(plan, user: user.name, uid: user.uid, server: server) { _ in nil }
    }
}
