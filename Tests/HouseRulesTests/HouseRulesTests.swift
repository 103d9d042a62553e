// The rules of this house: who may import whom, how long files and functions may be, what a file begins with.
import Foundation
import Testing

@Suite("House rules")
struct HouseRulesTests {
    /// What each module may import of this package's modules; anything else of this package is a mistake.
    private static let allowed: [String: Set<String>] = [
        "Sources/OperatingSystem": ["CSeccomp"],
        "Sources/Engines": [],
        "Sources/JSON": [],
        "Sources/Certificates": ["COpenSSL"],
        "Sources/Replica": ["CSodium"],
        "Sources/Trust": ["CSodium", "Replica"],
        "Sources/Sessions": ["Engines", "OperatingSystem", "Replica", "CTurboJPEG"],
        "Sources/Store": ["Replica", "CLMDB"],
        "Sources/Transport": ["Engines", "OperatingSystem", "Trust"],
        "Sources/Gossip": ["Engines", "OperatingSystem", "Replica", "Transport", "Trust"],
        "Sources/Directory": ["JSON", "OperatingSystem", "Replica", "Store"],
        "Sources/Placement": ["Directory", "JSON", "Replica"],
        "Sources/Scripts": ["JSON", "OperatingSystem", "Placement", "Replica"],
        "Sources/MemberConfiguration": ["Directory", "JSON", "OperatingSystem", "Replica", "Transport", "Trust"],
        "Sources/Global": [
            "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "Store", "Trust",
        ],
        "Sources/Control": ["Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica"],
        "Sources/Commands": [
            "Certificates", "Control", "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica",
            "Scripts", "Sessions", "Store", "Trust",
        ],
        "Sources/Relay": ["Engines", "Replica"],
        "Sources/Gateway": ["Engines", "JSON", "OperatingSystem", "Replica", "Trust", "Relay", "Transport"],
        "Sources/Cluster": [
            "Directory", "Engines", "Gateway", "Gossip", "JSON", "MemberConfiguration", "OperatingSystem", "Placement",
            "Replica", "Scripts", "Store", "Transport", "Trust",
        ],
        "Sources/Accounts": [
            "Cluster", "Directory", "Gateway", "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "Sessions",
            "Store", "Trust",
        ],
        "Sources/Displays": [
            "Accounts", "Directory", "Gateway", "JSON", "OperatingSystem", "Replica", "Sessions", "Store",
        ],
        "Sources/API": [
            "Accounts", "Cluster", "Directory", "Displays", "Gateway", "Global", "Gossip", "JSON",
            "MemberConfiguration", "OperatingSystem", "Placement", "Relay", "Replica", "Sessions", "Transport", "Trust",
        ],
        "Sources/ControlSocket": [
            "Cluster", "Control", "Directory", "Gateway", "Global", "Gossip", "JSON", "MemberConfiguration",
            "OperatingSystem", "Relay", "Replica", "Store", "Transport", "Trust",
        ],
        "Sources/Agent": [
            "API", "Accounts", "Certificates", "Cluster", "Commands", "Control", "ControlSocket", "Directory",
            "Displays", "Gateway", "Global", "Gossip", "JSON", "MemberConfiguration", "OperatingSystem", "Placement",
            "Relay", "Replica", "Scripts", "Sessions", "Store", "Transport", "Trust",
        ],
        "Simulations/World": ["Replica", "Trust", "Store", "Gossip"],
        "Simulations/Scenarios": ["Replica", "Trust", "Store", "Gossip", "SimulatedWorld"],
        "Simulations/CrashPoints": ["Replica", "Store"],
        "Simulations/Relay": ["Engines", "Relay", "Replica", "SimulatedWorld"],
        "Simulations/Program": ["Scenarios", "SimulatedRelay", "SimulatedWorld", "CrashPoints"],
    ]

    /// The modules of this package: those above, by the names of their folders, and what is in no folder of its own name.
    private static let own = Set(allowed.keys.compactMap { $0.split(separator: "/").last.map(String.init) })
        .union([
            "CSeccomp", "CSodium", "CLMDB", "COpenSSL", "CTurboJPEG", "Scenarios", "SimulatedRelay", "SimulatedWorld",
        ])

    @Test("A module imports only the modules that it may")
    func imports() throws {
        for file in try SourceFile.all("Sources", "Simulations") {
            let allowed = try #require(Self.allowed[file.module], "\(file.path) is in a room that the table has not")
            let forbidden = file.imports.filter { Self.own.contains($0) && !allowed.contains($0) }
            #expect(forbidden.isEmpty, "\(file.path) imports \(forbidden)")
        }
    }

    @Test("What is a value does no I/O and reads no clock: it imports nothing that could")
    func purity() throws {
        let pure = try SourceFile.all(
            "Sources/Engines", "Sources/Replica", "Sources/Trust", "Sources/Relay", "Sources/Gossip/Engine",
            "Sources/Gossip/Wire")
        let harmless: Set<String> = [
            "CSodium", "Engines", "Replica", "Trust", "NIOCore", "OrderedCollections", "DequeModule",
            "FoundationEssentials",
            "Foundation",
        ]
        for file in pure {
            let others = file.imports.filter { !harmless.contains($0) }
            #expect(others.isEmpty, "\(file.path) imports \(others)")
            // Tokens and events are JSON.
            let isJSON = ["Sources/Trust/CompactToken.swift", "Sources/Relay/RelayEvent.swift"].contains(file.path)
            #expect(isJSON || !file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path)")
            for name in ["SystemRandomNumberGenerator", "ContinuousClock", "Date()", "clock_gettime"] {
                #expect(!file.lines.contains { $0.contains(name) && !$0.contains("//") }, "\(file.path) uses \(name)")
            }
        }
    }

    @Test("Every file begins with a line that says what it is responsible for")
    func roles() throws {
        for file in try SourceFile.all("Sources", "Simulations", "Benchmarks", "Tests") {
            let first = file.lines.first ?? ""
            #expect(first.hasPrefix("// ") && first.count > 20, "\(file.path) begins with: \(first)")
        }
    }

    @Test("No file is over 600 lines, and half of them are under 150")
    func fileLengths() throws {
        let files = try SourceFile.all("Sources", "Simulations", "Benchmarks")
        for file in files { #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines") }
        let lengths = files.map(\.lines.count).sorted()
        #expect(lengths[lengths.count / 2] <= 150)
    }

    @Test("No function is over 70 lines")
    func functionLengths() throws {
        for file in try SourceFile.all("Sources", "Simulations", "Benchmarks", "Tests") {
            for function in file.functions {
                #expect(function.lineCount <= 70, "\(file.path): \(function.name) has \(function.lineCount) lines")
            }
        }
    }

    @Test("Nothing crashes on purpose")
    func crashes() throws {
        for file in try SourceFile.all("Sources", "Simulations", "Benchmarks") {
            for name in ["try!", "fatalError(", "as!"] {
                #expect(!file.lines.contains { $0.contains(name) }, "\(file.path) has \(name)")
            }
        }
    }

    @Test("What members tell each other is put together and read in the directory alone")
    func leases() throws {
        let prefixes = ["server", "login", "session", "reservation"].map { "\"\($0)/\\(" }
        // Fields that nothing but a lease has; how any other document is read is its readers' affair.
        let fields = [
            "certificateSHA256", "gatewayKeys", "freemem", "totalmem", "loadavg", "loginsEnabled",
            "sessionsEnabled", "serverReservations", "staticData", "external", "uniqueLoginUsers",
        ]
        let readings = fields.flatMap {
            [".text(\"\($0)\")", ".texts(\"\($0)\")", ".integer(\"\($0)\")", "[\"\($0)\"]"]
        }
        for file in try SourceFile.all("Sources") where file.module != "Sources/Directory" {
            for line in file.lines where !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
                let found = (prefixes + readings).filter { line.contains($0) }
                #expect(found.isEmpty, "\(file.path) has \(found)")
            }
        }
    }

    @Test(
        "What is served over HTTP is in the table of routes: handlers are registered there alone, or for the commands")
    func routes() throws {
        let methods = ["get", "head", "post", "put", "patch", "delete", "on", "ws"]
        let registering = ["router", "group"].flatMap { owner in methods.map { "\(owner).\($0)(" } }
        for file in try SourceFile.all("Sources") where !file.path.contains("Control") {
            for line in file.lines {
                let found = registering.filter { line.contains($0) }
                #expect(found.isEmpty, "\(file.path) has \(found)")
            }
        }
    }

    @Test("A type name occurs once in the sources")
    func typeNames() throws {
        var homes: [String: [String]] = [:]
        for file in try SourceFile.all("Sources") {
            for name in file.types { homes[name, default: []].append(file.path) }
        }
        for (name, files) in homes where files.count > 1 { Issue.record("\(name) is declared in \(files.sorted())") }
    }

    private struct Mutant: Decodable {
        let name: String
        let file: String
        let find: String
        let replace: String
    }

    @Test("The expression that each mutant changes is in the sources exactly once, with the mutants before it put in")
    func mutants() throws {
        let catalogue = try Data(contentsOf: SourceFile.root.appendingPathComponent("Simulations/mutants.json"))
        var texts: [String: String] = [:]
        for mutant in try JSONDecoder().decode([Mutant].self, from: catalogue) {
            let file = SourceFile.root.appendingPathComponent(mutant.file)
            let text = try texts[mutant.file] ?? String(contentsOf: file, encoding: .utf8)
            let parts = text.components(separatedBy: mutant.find)
            #expect(parts.count == 2, "\(mutant.name): \(mutant.file) has \"\(mutant.find)\" \(parts.count - 1) times")
            texts[mutant.file] = parts.joined(separator: "(\(mutant.replace) : \(mutant.find))")
        }
    }
}
