// A process that may be stopped for a while, or killed.
import SimulatedWorld

/// What happens in a process happens while it runs.
class SimulatedProcess {
    let cluster: RelayCluster
    private(set) var isAlive = true
    private(set) var awakeAt: Duration = .zero

    init(_ cluster: RelayCluster) { self.cluster = cluster }

    var now: Duration { cluster.world.uptime }

    func whenAwake(_ action: @escaping () -> Void) {
        guard isAlive else { return }
        if awakeAt > now {
            cluster.world.plan(at: awakeAt) { [self] in whenAwake(action) }
        } else {
            action()
        }
    }

    /// Something that the process does in a moment, as another task of it.
    func soon(_ action: @escaping () -> Void) { after(.zero, action) }

    func after(_ delay: Duration, _ action: @escaping () -> Void) {
        cluster.world.plan(after: delay) { [self] in whenAwake(action) }
    }

    func stop(until time: Duration) { awakeAt = max(awakeAt, time) }

    /// The process is gone, and its connections are reset.
    func kill() {
        isAlive = false
        for pipe in pipes { pipe.die() }
    }

    private var pipes: [Pipe] = []

    func add(_ pipe: Pipe) {
        pipes.append(pipe)
        if pipes.count >= 2 * pipeCountAfterCleaning + 16 {
            pipes.removeAll(where: \.isOver)
            pipeCountAfterCleaning = pipes.count
        }
    }

    private var pipeCountAfterCleaning = 0

    var openPipes: [Pipe] { pipes.filter { !$0.isOver } }
}
