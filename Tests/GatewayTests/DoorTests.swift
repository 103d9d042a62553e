// Tests of a listening address that moves: a refused move changes nothing.

import Gateway
import OperatingSystem
import Synchronization
import Testing

/// Addresses as a host has them: one that is taken is refused.
private final class Host: Sendable {
    private let open = Mutex<[HostAndPort]>([])
    let taken: Set<Int>

    init(taken: Set<Int> = []) { self.taken = taken }

    struct InUse: Error {}

    /// Those that are served now, in the order in which they were opened.
    var ports: [Int] { open.withLock { $0.map(\.port) } }

    func serve(_ address: HostAndPort, _ listening: @Sendable (HostAndPort) async -> Void) async throws {
        guard !taken.contains(address.port), open.withLock({ $0.allSatisfy { $0.port != address.port } }) else {
            throw InUse()
        }
        open.withLock { $0.append(address) }
        await listening(address)
        defer { open.withLock { $0.removeAll { $0 == address } } }
        // Until cancelled.
        try await Task.sleep(for: .seconds(3_600))
    }
}

@Suite("A door that moves")
struct DoorTests {
    private func address(_ port: Int, host: String = "127.0.0.1") -> HostAndPort { HostAndPort(host: host, port: port) }

    /// Runs a door, and calls the closure once it serves.
    private func running(_ host: Host, at start: HostAndPort?, _ body: (Door) async throws -> Void) async throws {
        let door = Door(at: start) { try await host.serve($0, $1) }
        let running = Task { try await door.run() }
        await door.waitUntilBegun()
        try await body(door)
        running.cancel()
        try await running.value
        #expect(host.ports.isEmpty, "a door that ends closes")
    }

    @Test("It serves at the new address, and no more at the old one")
    func moves() async throws {
        let host = Host()
        try await running(host, at: address(1)) { door in
            try await door.move(to: address(2))
            #expect(host.ports == [2])
            try await door.move(to: nil)
            #expect(host.ports.isEmpty)
            try await door.move(to: address(3))
            #expect(host.ports == [3])
        }
    }

    @Test("Where the new address cannot be had, the old one is served all the time")
    func refused() async throws {
        let host = Host(taken: [2])
        try await running(host, at: address(1)) { door in
            await #expect(throws: Host.InUse.self) { try await door.move(to: address(2)) }
            #expect(host.ports == [1])
            try await door.move(to: address(3))
            #expect(host.ports == [3])
        }
    }

    @Test("From one address to another with the same port it closes first")
    func samePort() async throws {
        let host = Host()
        try await running(host, at: address(1)) { door in
            try await door.move(to: address(1, host: "0.0.0.0"))
            #expect(host.ports == [1])
        }
    }

    @Test("A start at an address that is taken is an error")
    func start() async {
        let host = Host(taken: [1])
        let door = Door(at: address(1)) { try await host.serve($0, $1) }
        await #expect(throws: Host.InUse.self) { try await door.run() }
    }
}
