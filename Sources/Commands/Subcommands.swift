// The commands, for the program that lists them.
package import ArgumentParser

/// All commands but `run`, in the order in which help shows them. Each ends by itself, or throws what it ends with; see
/// `CommandStatus`.
package enum Subcommands {
    /// What makes a member.
    package static var making: [any ParsableCommand.Type] { [Init.self] }

    /// What changes a member and how it is configured, whether or not its agent runs.
    package static var configuring: [any ParsableCommand.Type] {
        [Config.self, KeyCommand.self, Place.self, Debug.self]
    }

    /// For users on their own host, and for the processes that the agent starts as them.
    package static var users: [any ParsableCommand.Type] {
        [
            Start.self, SessionList.self, Terminate.self, Choose.self, LoginCode.self, StewardProcessCommand.self,
            SessionProcessCommand.self, AskpassProcessCommand.self, ScriptGuardProcessCommand.self,
            ScriptConfineProcessCommand.self,
        ]
    }

    /// What an administrator sees of the other members.
    package static var cluster: [any ParsableCommand.Type] {
        [Members.self, Status.self, Links.self, Reach.self, PlacementCommand.self]
    }

    /// On entries.
    package static var map: [any ParsableCommand.Type] {
        [Put.self, Get.self, Delete.self, List.self, Watch.self, Load.self, Dump.self, Explain.self]
    }

    /// On the map's file.
    package static var store: [any ParsableCommand.Type] { [Check.self, Backup.self, Restore.self] }
}
