// Runs a program that starts a steward, and waits until the steward has connected.
import Glibc
import OperatingSystem

/// A program's end and what it printed.
struct LaunchRun: Sendable {
    let status: ExitStatus
    let output: String
    let errors: String

    /// Runs a program to its end; it is killed after `limit`, or when the task is cancelled. `nil` then.
    static func run(_ plan: SpawnPlan, limit: Duration) async throws(SystemError) -> LaunchRun? {
        let (child, output, errors) = try spawn(plan)
        let printed = Task { try? await output.drain() }
        let complained = Task { try? await errors.drain() }
        let status = await TimeLimit.run(limit) { () async -> ExitStatus? in try? await child.wait() }
        guard let status = status ?? nil else {
            try child.send(SIGKILL)
            _ = try await child.reap()
            printed.cancel()
            complained.cancel()
            return nil
        }
        // Its own children may have kept the pipes: what was printed by now is enough.
        let texts = await TimeLimit.run(pipesTimeMax) { await (printed.value, complained.value) }
        printed.cancel()
        complained.cancel()
        return LaunchRun(status: status, output: text(texts?.0 ?? []), errors: text(texts?.1 ?? []))
    }

    /// How long the pipes of a program that has ended may stay open.
    private static let pipesTimeMax: Duration = .seconds(2)

    private static func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    /// Its pipes' writing ends are closed here, so that their end is seen.
    private static func spawn(
        _ plan: SpawnPlan
    ) throws(SystemError) -> (ChildProcess, output: OwnedDescriptor, errors: OwnedDescriptor) {
        let output = try Kernel.makePipe()
        let errors = try Kernel.makePipe()
        var plan = plan
        plan.descriptors = [nil, output.writing, errors.writing]
        plan.isDetached = true
        return (try ChildProcess.spawn(plan), output.reading, errors.reading)
    }

    /// The last lines of what it complained about, in one line.
    var complaint: String {
        var lines = LastLines()
        lines.append(Array((errors.isEmpty ? output : errors).utf8))
        return lines.text.isEmpty ? "it \(status.words) and said nothing" : lines.text
    }
}

extension StewardProgram {
    /// How long starting a steward may take, the user's shell and the name service included.
    static let startTimeMax: Duration = .seconds(40)

    /// Runs a plan and waits for the user's steward.
    func launch(
        _ plan: SpawnPlan, user: String, uid: uid_t, server: StewardServer, isRefusal: (LaunchRun) -> LaunchError?
    ) async throws(LaunchError) {
        let run: LaunchRun?
        do throws(SystemError) {
            run = try await LaunchRun.run(plan, limit: Self.startTimeMax)
        } catch {
            throw .system(error)
        }
        guard let run else { throw .timedOut(user: user, limit: Self.startTimeMax) }
        guard run.status == .exited(0) else { throw isRefusal(run) ?? .stewardFailed(run.complaint) }
        guard await server.waitForSteward(uid, within: Self.connectTimeMax) else {
            throw .notConnected(user: user, limit: Self.connectTimeMax)
        }
    }
}
