// `fastx-agent script-guard`: starts one script's process behind walls, ends it when it is told to, tells how it ended.
import Glibc
import JSON
import OperatingSystem

/// The guard of one process. It is a loop in one thread, since the kernel takes the process down with that thread.
package enum ScriptGuardCommand {
    /// What the command line says; without anything, the main script that was installed and all that the kernel has.
    package struct Arguments: Sendable {
        /// The file that Node runs; `nil` for the one that comes with this program.
        package var main: String?
        /// The newest version of Landlock to be used; `nil` for the kernel's.
        package var landlockMax: Int?

        /// Of options that were read already.
        package init(main: String?, landlockMax: Int?) {
            self.main = main
            self.landlockMax = landlockMax
        }
    }

    /// Of the files that come with this program.
    package static let mainScript = "ScriptWorker/worker.js"

    /// Serves the connection that is this process's descriptor 0, until the process that it asked for has ended with all
    /// its descendants. Returns this process's exit status.
    package static func run(_ arguments: Arguments) -> Int32 {
        // A reader that has gone is an error of `write`, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        do throws(SystemError) {
            let descriptor = try OwnedDescriptor.duplicate(STDIN_FILENO)
            try descriptor.setNonBlocking()
            let agent = try PacketSocket(adopting: descriptor)
            try Kernel.becomeSubreaper()
            guard let script = try start(arguments, agent) else { return 1 }
            try agent.send(
                .started(
                    pid: script.pid, node: script.node.program.version, known: script.node,
                    missingWalls: script.missingWalls))
            let status = try script.wait(agent)
            // The agent may be gone; what the process has left behind is ended all the same.
            defer { endDescendants() }
            try agent.send(.ended(status))
            return 0
        } catch .closed {
            return 0
        } catch {
            try? OwnedDescriptor.duplicate(STDERR_FILENO).write(
                "fastx-agent script-guard: \(error)\n".utf8, subject: "standard error")
            return 1
        }
    }

    /// `nil` where nothing was started and the agent knows, or where it has gone before it asked for anything.
    private static func start(
        _ arguments: Arguments, _ agent: PacketSocket
    ) throws(SystemError) -> GuardedScript? {
        guard let (plan, known, descriptors) = try firstOrder(agent) else { return nil }
        do throws(GuardRefusal) {
            let program: String
            do throws(SystemError) { program = try ProgramPath.own() } catch { throw GuardRefusal("\(error)") }
            let installed = InstalledFiles(program: program)
            guard let main = arguments.main ?? installed.directory(with: mainScript).map({ "\($0)/\(mainScript)" })
            else {
                throw GuardRefusal(
                    "\(mainScript) is in none of \(installed.candidates.joined(separator: ", ")), so no scripts can run; "
                        + "\"make install\" puts it there with the program")
            }
            return try GuardedScript(
                plan, descriptors, known: known, main: main, landlockMax: arguments.landlockMax)
        } catch {
            try agent.send(.failed(error.sentence))
            return nil
        }
    }

    private static func firstOrder(
        _ agent: PacketSocket
    ) throws(SystemError) -> (ScriptPlan, KnownNode?, [OwnedDescriptor])? {
        while true {
            switch try agent.receiveNow(descriptorCountMax: GuardOrder.descriptorCount) {
            case .end: return nil
            case .nothingYet: PollWait.untilAnyReadable([agent.descriptor])
            case .packet(let packet):
                guard case .start(let plan, let known) = try GuardOrder(packet.bytes),
                    packet.descriptors.count == GuardOrder.descriptorCount
                else {
                    throw .malformed(
                        subject: "the first packet", detail: "it has to say what to start, with two descriptors")
                }
                return (plan, known, packet.descriptors)
            }
        }
    }

    /// Kills what is left of a process that has ended, until nothing is: whatever leaves its parent becomes a child of
    /// this process, in a session of its own as well.
    private static func endDescendants() {
        while true {
            do throws(SystemError) {
                for entry in try ProcessTable.read().descendants(of: getpid()) where !entry.isZombie {
                    try entry.send(SIGKILL)
                }
            } catch {
                // Such as one that has just become another user's; the next look tells.
            }
            let ended = waitpid(-1, nil, 0)
            if ended < 0, errno != EINTR { return }
        }
    }
}

/// Why a guard starts nothing, as a whole sentence.
struct GuardRefusal: Error, Equatable, CustomStringConvertible {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }

    var description: String { sentence }
}

extension PacketSocket {
    /// One report to the agent.
    fileprivate func send(_ report: GuardReport) throws(SystemError) { try send(report.bytes) }
}

/// Waits in the calling thread.
enum PollWait {
    /// Returns the places of those that reading from would not wait for; at least one.
    @discardableResult
    static func untilAnyReadable(_ descriptors: [OwnedDescriptor]) -> [Int] {
        var entries = descriptors.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
        while unsafe poll(&entries, nfds_t(entries.count), -1) <= 0 {}
        return entries.indices.filter { entries[$0].revents != 0 }
    }
}
