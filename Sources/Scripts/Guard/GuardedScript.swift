// One script's process as its guard has it: started behind walls, killed on demand, waited for.
import Glibc
import JSON
import OperatingSystem

/// A process that runs Node, or is about to.
struct GuardedScript {
    let pid: pid_t
    let node: KnownNode
    let missingWalls: [String]
    private let process: OwnedDescriptor

    /// More than all walls together have to say.
    private static let reportBytesMax = 65_536

    /// Returns when the process has become Node.
    ///
    /// - Parameters:
    ///   - descriptors: What become its descriptors 0 and 2.
    ///   - known: What an earlier guard has learnt of that Node.
    init(
        _ plan: ScriptPlan, _ descriptors: [OwnedDescriptor], known: KnownNode?, main: String, landlockMax: Int?
    ) throws(GuardRefusal) {
        do throws(NodeProgram.Refusal) {
            node = try KnownNode.learn(plan, known)
        } catch {
            throw GuardRefusal(error.sentence)
        }
        let report: (missingWalls: [String], problem: String?)
        do throws(SystemError) {
            let pipe = try Kernel.makePipe()
            pid = try Spawn.start(Self.plan(plan, node.program, main, landlockMax, descriptors, pipe.writing))
            // Until somebody waits for the process, its number is its own.
            guard let process = try Kernel.openProcess(pid) else {
                throw .call(name: "pidfd_open", subject: "process \(pid)", code: ESRCH)
            }
            self.process = process
            Glibc.close(pipe.writing.take())
            report = Self.read(try pipe.reading.readAll(byteCountMax: Self.reportBytesMax))
        } catch {
            throw GuardRefusal("a process for scripts could not be started: \(error)")
        }
        missingWalls = report.missingWalls
        if let problem = report.problem {
            throw GuardRefusal("Node could not be started for scripts: \(problem)")
        }
    }

    private static func plan(
        _ plan: ScriptPlan, _ node: NodeProgram, _ main: String, _ landlockMax: Int?,
        _ descriptors: [OwnedDescriptor], _ report: OwnedDescriptor
    ) -> SpawnPlan {
        var words = [
            "script-confine", "--kind", plan.kind.rawValue, "--node", node.path, "--memory", String(plan.memoryMiB),
            "--baseline", String(node.baselineBytes), "--main", main, "--guard", String(getpid()), "--report",
        ]
        for program in plan.programs { words += ["--program", program] }
        if let landlockMax { words += ["--abi", String(landlockMax)] }
        // A session of its own: one signal reaches all that do not leave it.
        return SpawnPlan(
            program: "/proc/self/exe", arguments: words,
            environment: ProcessEnvironment.current().filter { $0.key == "TZ" }, directory: "/",
            descriptors: [descriptors[0], nil, descriptors[1], report], isDetached: true, shownName: "fastx-agent")
    }

    /// What `script-confine` has written until it became Node or ended: lines, the last of which may be why it did not.
    private static func read(_ bytes: [UInt8]) -> (missingWalls: [String], problem: String?) {
        var missing: [String] = []
        var isComplete = false
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let value = try? JSONValue.parse(line) else { continue }
            if let problem = value.text("failed") { return (missing, problem) }
            missing = value.texts("missingWalls")
            isComplete = true
        }
        return (missing, isComplete ? nil : "its process ended before it had put up the walls")
    }

    /// Waits for the process's end, and kills it when the agent says so or has gone.
    func wait(_ agent: PacketSocket) throws(SystemError) -> ExitStatus {
        var isAgentThere = true
        while true {
            let ready = PollWait.untilAnyReadable(isAgentThere ? [process, agent.descriptor] : [process])
            if ready.contains(0) {
                var status: CInt = 0
                while unsafe waitpid(pid, &status, 0) < 0 {
                    guard errno == EINTR else { throw .call(name: "waitpid", subject: "Node", code: errno) }
                }
                return ExitStatus(status: status)
            }
            guard isAgentThere else { continue }
            isAgentThere = followAgent(agent)
        }
    }

    /// `false` once there is nothing more to hear of the agent.
    private func followAgent(_ agent: PacketSocket) -> Bool {
        do throws(SystemError) {
            switch try agent.receiveNow() {
            case .nothingYet: return true
            case .packet(let packet):
                if try GuardOrder(packet.bytes) == .kill { kill() }
                return true
            case .end: break
            }
        } catch {
            // An agent that sends what is no order is not to be trusted with a process.
        }
        kill()
        return false
    }

    /// With its group, which may outlive it. Its number is its own until `wait` has returned.
    private func kill() {
        Glibc.kill(-pid, SIGKILL)
        Glibc.kill(pid, SIGKILL)
    }
}
