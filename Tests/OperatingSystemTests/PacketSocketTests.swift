// Packets over Unix sockets: whole, with one descriptor at most, and never queued without a limit.
import Glibc
import OperatingSystem
import TestSupport
import Testing

@Suite("Packet sockets")
struct PacketSocketTests {
    @Test("A packet arrives whole, and its descriptor is another one of the same file")
    func descriptors() async throws {
        let (near, far) = try PacketSocket.makePair()
        let file = try SealedFile.make(Array("hello".utf8), name: "test")
        try near.send([1, 2, 3], descriptor: file)
        try near.send([4])
        let first = try #require(try await far.receive())
        #expect(first.bytes == [1, 2, 3])
        let received = try #require(first.descriptor)
        #expect(received.raw != file.raw)
        #expect(try received.contents(byteCountMax: 100) == Array("hello".utf8))
        let second = try #require(try await far.receive())
        #expect(second.bytes == [4] && second.descriptor == nil)
    }

    @Test("Several descriptors come in their order, where the receiver allows as many")
    func severalDescriptors() async throws {
        let (near, far) = try PacketSocket.makePair()
        let files = try ["first", "second", "third"].map { try SealedFile.make(Array($0.utf8), name: $0) }
        try near.send([1], descriptors: files)
        guard case .packet(let packet) = try far.receiveNow(descriptorCountMax: 3) else {
            Issue.record("nothing has come")
            return
        }
        let contents = try packet.descriptors.map {
            String(decoding: try $0.contents(byteCountMax: 100), as: UTF8.self)
        }
        #expect(contents == ["first", "second", "third"])
        guard case .nothingYet = try far.receiveNow() else {
            Issue.record("more has come than was sent")
            return
        }
        try near.send([1], descriptors: files)
        #expect(throws: SystemError.self) { try far.receiveNow(descriptorCountMax: 2) }
    }

    @Test("Descriptors that are received are closed with their owner, and not inherited")
    func ownership() async throws {
        let (near, far) = try PacketSocket.makePair()
        let pipe = try TestPipe()
        try near.send([1], descriptor: pipe.writing)
        var descriptor = try await far.receive()?.descriptor
        #expect(fcntl(try #require(descriptor).raw, F_GETFD) & FD_CLOEXEC != 0)
        pipe.closeWriting()
        #expect(pipe.isAtEnd == false)
        descriptor = nil
        #expect(pipe.isAtEnd)
        #expect(descriptor == nil)
    }

    @Test("More than one descriptor is refused, and none of them stays open")
    func tooManyDescriptors() async throws {
        let (sender, receiver) = try RawPackets.makePair()
        let pipe = try TestPipe()
        try RawPackets.send([7], descriptors: [pipe.writing.raw, pipe.writing.raw, pipe.writing.raw], to: sender)
        await #expect(throws: SystemError.self) { try await receiver.receive() }
        pipe.closeWriting()
        #expect(pipe.isAtEnd)
    }

    @Test("A packet that is too long or empty is not sent", arguments: [0, PacketSocket.packetBytesMax + 1])
    func sizes(count: Int) throws {
        let (near, far) = try PacketSocket.makePair()
        #expect(throws: SystemError.packetSize(bytes: count)) { try near.send([UInt8](repeating: 0, count: count)) }
        withExtendedLifetime(far) {}
    }

    @Test("The longest packet arrives, a longer one from a stranger is refused")
    func longest() async throws {
        let (sender, receiver) = try RawPackets.makePair()
        let longest = [UInt8](repeating: 9, count: PacketSocket.packetBytesMax)
        try RawPackets.send(longest, descriptors: [], to: sender)
        #expect(try await receiver.receive()?.bytes == longest)
        try RawPackets.send(longest + [9], descriptors: [], to: sender)
        await #expect(throws: SystemError.self) { try await receiver.receive() }
    }

    @Test("Sending to an end that does not read fails, and closes the connection")
    func slowPeer() async throws {
        let (near, far) = try PacketSocket.makePair()
        let packet = [UInt8](repeating: 1, count: 32_768)
        #expect(throws: SystemError.peerTooSlow) { for _ in 0..<10_000 { try near.send(packet) } }
        #expect(throws: SystemError.closed) { try near.send([1]) }
        // What was sent before can still be read, then comes the end.
        var count = 0
        while try await far.receive() != nil { count += 1 }
        #expect(count > 0)
    }

    @Test("A sender that may wait goes on when the other end reads")
    func waitingSender() async throws {
        let (near, far) = try PacketSocket.makePair()
        let packet = [UInt8](repeating: 1, count: 32_768)
        async let sent: Void = { for _ in 0..<100 { try await near.send(packet, within: .seconds(20)) } }()
        for _ in 0..<100 { #expect(try await far.receive()?.bytes.count == packet.count) }
        try await sent
    }

    @Test("Closing wakes whoever waits at either end")
    func closing() async throws {
        let (near, far) = try PacketSocket.makePair()
        async let here = near.receive()
        async let there = far.receive()
        near.close()
        #expect(try await here == nil)
        #expect(try await there == nil)
    }

    @Test("A cancelled task stops receiving, and the next one receives")
    func cancellation() async throws {
        let (near, far) = try PacketSocket.makePair()
        let task = Task { try await far.receive() }
        task.cancel()
        #expect(try await task.value == nil)
        try near.send([5])
        #expect(try await far.receive()?.bytes == [5])
    }

    @Test("A listener tells who connects; its file goes with it")
    func listening() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/socket"
        let listener = try PacketListener.listen(path, mode: 0o666)
        let near = try PacketSocket.connect(path, to: geteuid())
        let far = try #require(try await listener.accept())
        #expect(far.peer.uid == geteuid() && far.peer.pid == getpid())
        try near.send([1])
        #expect(try await far.receive()?.bytes == [1])
        listener.close()
        #expect(try await listener.accept() == nil)
        #expect(unsafe access(path, F_OK) != 0)
    }

    @Test("A socket's file that nobody listens at is replaced; one that answers, or is something else, is not")
    func stale() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/socket"
        try RawPackets.leaveSocket(at: path)
        let listener = try PacketListener.listen(path, mode: 0o600)
        #expect(throws: SystemError.socketInUse(path: path)) { try PacketListener.listen(path, mode: 0o600) }
        listener.close()
        try PrivateDirectory.replaceFile(path, with: [1])
        #expect(throws: SystemError.self) { try PacketListener.listen(path, mode: 0o600) }
    }

    @Test("A peer that runs as another user is told nothing")
    func foreignPeer() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/socket"
        let listener = try PacketListener.listen(path, mode: 0o666)
        let other = geteuid() + 1
        #expect(throws: SystemError.wrongPeer(path: path, uid: geteuid(), wanted: other)) {
            try PacketSocket.connect(path, to: other)
        }
        listener.close()
    }

    @Test("A path that does not fit into an address is refused by name")
    func longPath() {
        let path = "/tmp/" + String(repeating: "x", count: 110)
        #expect(throws: SystemError.socketPathTooLong(path: path)) { try PacketListener.listen(path, mode: 0o600) }
    }
}
