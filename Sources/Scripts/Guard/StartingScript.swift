// The ends of sockets and pipes that the agent keeps of a script's process, made while it is started.
import Glibc
import OperatingSystem
import Synchronization

/// A process that a guard was told to start.
final class StartingScript: Sendable {
    /// This end of the process's descriptor 0.
    let data: OwnedDescriptor
    /// To the guard.
    let control: PacketSocket
    /// What the process, and a guard that is a child, write to their standard error.
    let output: OwnedDescriptor

    /// The variables that a guard takes over from this process: which time scripts know as the local one.
    private static let keptVariables = ["TZ"]

    /// The other ends are closed here: the end of either process is seen at once.
    init(_ plan: ScriptPlan, _ way: ScriptGuardWay) throws(SystemError) {
        let (data, scriptData) = try UnixAddress.makeStreamPair()
        let pipe = try Kernel.makePipe()
        try pipe.reading.setNonBlocking()
        switch way {
        case .child(let program, let arguments):
            let (near, far) = try PacketSocket.makePair()
            let kept = ProcessEnvironment.current().filter { Self.keptVariables.contains($0.key) }
            let child = try ChildProcess.spawn(
                SpawnPlan(
                    program: program, arguments: ["script-guard"] + arguments, environment: kept, directory: "/",
                    descriptors: [far.descriptor, nil, pipe.writing], isDetached: true))
            // It ends once all that the process has started has ended: nobody else has to wait for that.
            Task { _ = try? await child.reap() }
            control = near
        case .unit(let path):
            control = try PacketSocket(adopting: UnixAddress.connect(SOCK_SEQPACKET, path))
            // The service manager listens for it; without one, whoever runs this does.
            guard [0, geteuid()].contains(control.peer.uid) else {
                throw .wrongPeer(path: path, uid: control.peer.uid, wanted: 0)
            }
        }
        self.data = data
        output = pipe.reading
        try control.send(
            GuardOrder.start(plan, known: KnownNodes.find(plan)).bytes, descriptors: [scriptData, pipe.writing])
    }

    /// `nil` when the guard ended or said nothing in time.
    func firstReport(within limit: Duration) async throws(SystemError) -> GuardReport? {
        let control = control
        let first = await TimeLimit.run(limit) { () async -> Result<Packet?, SystemError> in
            do throws(SystemError) { return .success(try await control.receive()) } catch { return .failure(error) }
        }
        guard let packet = try first?.get() else { return nil }
        return try GuardReport(packet.bytes)
    }
}

/// Reads a pipe as long as there is somebody to write to it, and keeps the end of what comes.
final class OutputTail: Sendable {
    private let bytes: BytesBox
    private let reading: Task<Void, Never>

    private final class BytesBox: Sendable {
        let value = Mutex<[UInt8]>([])
    }

    /// Begins to read.
    init(_ pipe: OwnedDescriptor) {
        let box = BytesBox()
        bytes = box
        reading = Task {
            var chunk = [UInt8](repeating: 0, count: ScriptEnd.standardErrorBytesMax)
            while !Task.isCancelled {
                await Readiness.untilReadable(pipe)
                do throws(SystemError) {
                    guard let count = try pipe.read(into: &chunk) else { continue }
                    if count == 0 { return }
                    let new = chunk.prefix(count)
                    box.value.withLock { $0 = Array(($0 + new).suffix(ScriptEnd.standardErrorBytesMax)) }
                } catch {
                    // A pipe that cannot be read has no more to tell.
                    return
                }
            }
        }
    }

    /// What has come until all writers have gone, or until the limit is over; bytes that are not UTF-8 become U+FFFD.
    func text(within limit: Duration) async -> String {
        let reading = reading
        _ = await TimeLimit.run(limit) {
            await withTaskCancellationHandler {
                await reading.value
            } onCancel: {
                reading.cancel()
            }
        }
        return String(decoding: bytes.value.withLock { $0 }, as: UTF8.self)
    }
}
