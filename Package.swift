// swift-tools-version: 6.3
// The package: one daemon, one benchmark program, and the modules they are made of.
import PackageDescription

/// Every Swift target is built with the same language settings.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

/// Simulations run on one thread and change objects millions of times a second: a tenth of it went into checking at
/// run time that no two do so at once.
let simulationSettings = settings + [SwiftSetting.unsafeFlags(["-enforce-exclusivity=unchecked"])]

let package = Package(
    name: "fastx",
    products: [
        .executable(name: "fastx-agent", targets: ["Agent"]),
        .executable(name: "fastx-bench", targets: ["Benchmarks"]),
        .executable(name: "fastx-simulate", targets: ["Simulations"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms", exact: "1.1.4"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "OperatingSystem", dependencies: ["CSeccomp"], swiftSettings: settings),
        .target(name: "Engines", swiftSettings: settings),
        .target(name: "JSON", swiftSettings: settings),
        .target(name: "Certificates", dependencies: ["COpenSSL"], swiftSettings: settings),
        .target(name: "Replica", dependencies: ["CSodium"], swiftSettings: settings),
        .target(name: "Trust", dependencies: ["Replica", "CSodium"], swiftSettings: settings),
        .target(
            name: "Sessions", dependencies: ["Engines", "OperatingSystem", "Replica", "CTurboJPEG"],
            swiftSettings: settings),
        .target(name: "Store", dependencies: ["Replica", "CLMDB"], swiftSettings: settings),
        .target(
            name: "Transport",
            dependencies: [
                "Engines", "OperatingSystem", "Trust",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(
            name: "Gossip",
            dependencies: [
                "Engines", "OperatingSystem", "Replica", "Transport", "Trust",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(
            name: "Directory",
            dependencies: [
                "JSON", "OperatingSystem", "Replica", "Store", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Placement", dependencies: ["Directory", "JSON", "Replica"], swiftSettings: settings),
        .target(
            name: "Scripts",
            dependencies: [
                "JSON", "OperatingSystem", "Placement", "Replica",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "MemberConfiguration",
            dependencies: ["Directory", "JSON", "OperatingSystem", "Replica", "Transport", "Trust"],
            swiftSettings: settings),
        .target(
            name: "Global",
            dependencies: [
                "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "Store", "Trust",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Control",
            dependencies: [
                "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "Commands",
            dependencies: [
                "Certificates", "Control", "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica",
                "Scripts", "Sessions", "Store", "Trust",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "Relay",
            dependencies: ["Engines", "Replica", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: settings),
        .target(
            name: "Gateway",
            dependencies: [
                "Engines", "JSON", "OperatingSystem", "Relay", "Replica", "Transport", "Trust",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(
            name: "Cluster",
            dependencies: [
                "Directory", "Engines", "Gateway", "Gossip", "JSON", "MemberConfiguration", "OperatingSystem",
                "Placement",
                "Replica", "Scripts", "Store", "Transport", "Trust",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(
            name: "Accounts",
            dependencies: [
                "Cluster", "Directory", "Gateway", "JSON", "MemberConfiguration", "OperatingSystem", "Replica",
                "Sessions", "Store", "Trust",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Displays",
            dependencies: [
                "Accounts", "Directory", "Gateway", "JSON", "OperatingSystem", "Replica", "Sessions", "Store",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "API",
            dependencies: [
                "Accounts", "Cluster", "Directory", "Displays", "Gateway", "Global", "Gossip", "JSON",
                "MemberConfiguration", "OperatingSystem", "Placement", "Relay", "Replica", "Sessions", "Transport",
                "Trust",
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ],
            swiftSettings: settings),
        .target(
            name: "ControlSocket",
            dependencies: [
                "Cluster", "Control", "Directory", "Gateway", "Global", "Gossip", "JSON", "MemberConfiguration",
                "OperatingSystem", "Relay", "Replica", "Store", "Transport", "Trust",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "Agent",
            dependencies: [
                "Accounts", "API", "Certificates", "Cluster", "Commands", "Control", "ControlSocket", "Directory",
                "Displays", "Gateway", "Global", "Gossip", "JSON", "MemberConfiguration", "OperatingSystem",
                "Placement", "Relay",
                "Replica", "Scripts", "Sessions", "Store", "Transport", "Trust",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [.copy("Portal/Pages"), .copy("Portal/openapi.json"), .copy("ScriptWorker")],
            swiftSettings: settings,
            // Where `make install` puts the Swift runtime libraries, for hosts without the toolchain.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-rpath=$ORIGIN/../lib/fastx-agent"])]),
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Directory", "JSON", "OperatingSystem", "Placement", "Replica", "Scripts", "Store", "Trust",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Benchmarks",
            swiftSettings: settings),
        .target(
            name: "SimulatedWorld",
            dependencies: [
                "Gossip", "Replica", "Store", "Trust",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Simulations/World",
            swiftSettings: simulationSettings),
        .target(
            name: "Scenarios",
            dependencies: [
                "SimulatedWorld", "Gossip", "Replica", "Store", "Trust",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Simulations/Scenarios",
            swiftSettings: simulationSettings),
        .target(
            name: "CrashPoints", dependencies: ["Replica", "Store"], path: "Simulations/CrashPoints",
            swiftSettings: settings),
        .target(
            name: "SimulatedRelay", dependencies: ["Engines", "Relay", "Replica", "SimulatedWorld"],
            path: "Simulations/Relay",
            swiftSettings: simulationSettings),
        .executableTarget(
            name: "Simulations",
            dependencies: [
                "CrashPoints", "Scenarios", "SimulatedRelay", "SimulatedWorld",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Simulations/Program",
            swiftSettings: simulationSettings + [.unsafeFlags(["-enable-testing"])]),
        // For the end-to-end tests alone, which is why it is no product with a name of its own.
        .executableTarget(
            name: "fastx-websocket-echo",
            dependencies: [
                "Gateway", "TestSupport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Tests/WebSocketEcho",
            swiftSettings: settings),
        .target(
            name: "Listeners",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/Listeners",
            swiftSettings: settings),
        .testTarget(name: "EnginesTests", dependencies: ["Engines"], swiftSettings: settings),
        .testTarget(
            name: "RelayTests", dependencies: ["Engines", "Relay", "Replica", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ReplicaTests", dependencies: ["Replica"], swiftSettings: settings),
        .testTarget(
            name: "TrustTests", dependencies: ["Replica", "TestSupport", "Trust"], exclude: ["pyjwt_check.py"],
            swiftSettings: settings),
        .testTarget(name: "StoreTests", dependencies: ["Store", "Replica", "CLMDB"], swiftSettings: settings),
        .testTarget(
            name: "GossipTests",
            dependencies: [
                "Gossip", "Listeners", "Replica", "Transport", "Trust", "SimulatedWorld",
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "Engines", "Listeners", "OperatingSystem", "Transport", "Trust",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(name: "CrashPointsTests", dependencies: ["CrashPoints"], swiftSettings: settings),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Scenarios", "SimulatedRelay", "SimulatedWorld", "Gossip", "Replica", "Store"],
            swiftSettings: settings),
        .testTarget(name: "CertificatesTests", dependencies: ["Certificates", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "DirectoryTests",
            dependencies: ["Directory", "JSON", "OperatingSystem", "Replica", "Store", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PlacementTests", dependencies: ["Directory", "JSON", "Placement", "Replica", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "GlobalTests",
            dependencies: [
                "Directory", "Global", "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "Store",
                "TestSupport", "Trust", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: settings),
        .testTarget(name: "HouseRulesTests", swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Listeners", "Relay", "Replica", "TestSupport", "Transport", "Trust",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["OperatingSystem", "Replica"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .testTarget(
            name: "OperatingSystemTests", dependencies: ["OperatingSystem", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "SessionsTests", dependencies: ["Engines", "Sessions", "OperatingSystem", "Replica", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ScriptsTests", dependencies: ["JSON", "OperatingSystem", "Placement", "Scripts", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CommandsTests",
            dependencies: ["Commands", "JSON", "MemberConfiguration", "OperatingSystem", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "MemberConfigurationTests",
            dependencies: [
                "Directory", "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "TestSupport", "Transport",
                "Trust",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Cluster", "Directory", "Engines", "Gossip", "JSON", "Replica", "TestSupport",
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "AccountsTests",
            dependencies: [
                "Accounts", "Cluster", "Directory", "Gateway", "JSON", "MemberConfiguration", "OperatingSystem",
                "Replica", "Sessions", "Store", "TestSupport", "Trust",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "Accounts", "Certificates", "Cluster", "Directory", "Displays", "Gateway", "Global", "Gossip",
                "JSON", "MemberConfiguration", "OperatingSystem", "Replica", "Scripts", "Sessions", "Store",
                "TestSupport",
                "Transport",
                "Trust",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
