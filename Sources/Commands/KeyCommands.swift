// The commands on cluster keys: list, new, add, remove, export.
import ArgumentParser
import Control
import Glibc
import JSON
import MemberConfiguration
import OperatingSystem
import Trust

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Show and change this member's cluster keys.",
        discussion: """
            To replace a key without interruption: "key new" on one member, "key export --to FILE" there, "key add FILE"
            on all others, and only then "key remove" of the old one everywhere. A running agent takes changes up at once.
            """,
        subcommands: [KeyList.self, KeyNew.self, KeyAdd.self, KeyRemove.self, KeyExport.self])
}

extension ClusterConfiguration {
    /// Each key with its id.
    fileprivate func identifiedKeys() throws -> [(id: KeyID, entry: KeyEntry)] {
        try keys.map { (try ClusterKey(secret: Secret.parse($0.secret.revealed), scope: .full).id, $0) }
    }

    /// - Parameter text: The secret as its owner wrote it; base64 unless given.
    fileprivate mutating func add(
        _ secret: Secret, text: String? = nil, scope: KeyScope, name: String?
    ) throws -> KeyID {
        let id = try ClusterKey(secret: secret, scope: .full).id
        guard try !identifiedKeys().contains(where: { $0.id == id }) else {
            throw AgentError.refused("the key \(id) is there already")
        }
        guard keys.count < KeyRing.keyCountMax else {
            throw AgentError.refused("there are \(KeyRing.keyCountMax) keys, the most allowed; remove one first")
        }
        keys.append(KeyEntry(secret: SecretText(text ?? secret.encodedText()), scope: scope, name: name))
        return id
    }
}

extension VarDirectoryOption {
    /// The keys as `cluster.json` has them.
    fileprivate func keys() throws -> [(id: KeyID, entry: KeyEntry)] {
        try Sodium.start()
        return try directory.existing().configuration.load(ClusterConfiguration.self).content.identifiedKeys()
    }

    /// Adds a key, and says so.
    fileprivate func add(
        _ command: String, _ secret: Secret, text: String? = nil, isForGateway: Bool, name: String?, described: String
    ) async throws -> KeyID {
        let id = try ClusterKey(secret: secret, scope: .full).id
        try await ConfigurationEditor(directory, command).edit(ClusterConfiguration.self) {
            _ = try $0.add(secret, text: text, scope: isForGateway ? .gateway : .full, name: name)
        }
        print("Added the \(described) \(id).")
        return id
    }
}

struct KeyList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys by id; never secrets.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let keys = try options.location.keys()
        if options.json {
            let items = keys.map { key in
                JSONValue.object([
                    "id": .string(key.id.description), "scope": .string(key.entry.scope.rawValue),
                    "name": key.entry.name.map { .string($0) } ?? .null,
                ])
            }
            return print(JSONValue.array(items).canonicalText)
        }
        if keys.isEmpty { return print("no cluster key; make one with \"fastx-agent key new\"") }
        Terminal.table(
            [["ID", "SCOPE", "NAME"]]
                + keys.map { [$0.id.description, $0.entry.scope.rawValue, $0.entry.name ?? "-"] })
    }
}

struct KeyNew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "new", abstract: "Make a new key and add it.")
    @OptionGroup var location: VarDirectoryOption
    @Flag(help: "For gateways: whoever has only this key may write no other server's entries.") var gateway = false
    @Option(help: "A name for people.") var name: String?

    func run() async throws {
        try Sodium.start()
        let id = try await location.add(
            "key new", try Secret(RandomBytes.make(32)), isForGateway: gateway, name: name, described: "new key")
        print("Take it to the other members with \"key export \(id) --to FILE\" and, there, \"key add FILE\".")
    }
}

struct KeyAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Add the key in a file.")
    @OptionGroup var location: VarDirectoryOption
    @Flag(help: "For gateways: whoever has only this key may write no other server's entries.") var gateway = false
    @Option(help: "A name for people.") var name: String?
    @Argument(help: "The file: one line, 32 bytes or more, in hex or base64.") var file: String

    func run() async throws {
        try Sodium.start()
        let (secret, text) = try KeyFiles.read(file)
        _ = try await location.add(
            "key add", secret, text: text, isForGateway: gateway, name: name, described: "key")
    }
}

struct KeyRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a key. Links that no other key proves end within 5 seconds.")
    @OptionGroup var location: VarDirectoryOption
    @Argument(help: "The key's id, as \"key list\" shows it.") var id: String

    func run() async throws {
        try await ConfigurationEditor(location.directory, "key remove").edit(ClusterConfiguration.self) { cluster in
            guard let position = try cluster.identifiedKeys().firstIndex(where: { $0.id.description == id }) else {
                throw AgentError.notFound("there is no key \(id); see \"fastx-agent key list\"")
            }
            cluster.keys.remove(at: position)
        }
        print("Removed the key \(id).")
    }
}

struct KeyExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write or print a key's secret, to take it to another member.",
        discussion: """
            Whoever has the secret is a member of the cluster: --to makes a file that nobody else can read; remove it
            after use. Nothing is printed into a file that others can read.
            """)
    @OptionGroup var location: VarDirectoryOption
    @Option(help: "The file to make. It must not be there yet. Without it the secret is printed.") var to: String?
    @Argument(help: "The key's id. The only key unless given.") var id: String?

    func run() async throws {
        let keys = try location.keys()
        let chosen = id == nil && keys.count == 1 ? keys.first : keys.first { $0.id.description == id }
        guard let chosen else {
            throw AgentError.notFound(
                id.map { "there is no key \($0)" } ?? "there are \(keys.count) keys; name one of them by its id")
        }
        let secret = chosen.entry.secret.revealed
        guard let to else {
            try checkStandardOutput(chosen.id)
            return print(secret)
        }
        try FileModes.writePrivateFile(to, bytes: Array("\(secret)\n".utf8), isOfMember: false)
        print("Wrote the key \(chosen.id) to \(to). Remove the file when the other members have it.")
    }

    /// A shell makes files that everybody can read, unless it is told otherwise.
    private func checkStandardOutput(_ id: KeyID) throws {
        let isOpen: Bool
        do throws(SystemError) {
            isOpen = try FileStatus(of: try .duplicate(STDOUT_FILENO), path: "standard output").isFileOpenToOthers
        } catch {
            throw AgentError.refused("standard output cannot be examined: \(error)")
        }
        guard isOpen else { return }
        let directory = location.directory.path
        throw AgentError.refused(
            "standard output is a file that other users can read, so nothing was printed; "
                + "run: fastx-agent key export \(id) --var-dir \(directory) --to FILE")
    }
}
