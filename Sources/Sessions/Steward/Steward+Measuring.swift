// Memory and processor use of each session's processes, and which sessions are forgotten.
import Glibc
import OperatingSystem

extension Steward {
    /// Changes below these are not worth a report.
    private static let reportedMemoryRatio = 0.02
    private static let reportedCPUPercent = 1.0

    func measure() {
        let now = WallClock.milliseconds()
        let table: ProcessTable?
        do throws(SystemError) {
            table = livingCount > 0 ? try ProcessTable.read() : nil
        } catch {
            table = nil
            log(.warning, "sessions were not measured: \(error)")
        }
        for id in sessions.keys.sorted() {
            guard var session = sessions[id] else { continue }
            let isWorthy = table.map { Self.measure(&session, $0) } ?? false
            let isChanged = session.updateForgotten(after: settings.forgottenSeconds, now: now)
            sessions[id] = session
            if isWorthy || isChanged { changed(id) }
        }
    }

    /// `true` when the session is to be reported.
    private static func measure(_ session: inout KeptSession, _ table: ProcessTable) -> Bool {
        guard let root = session.supervisor?.pid, table[root] != nil else { return false }
        let tree = table.descendants(of: root)
        let memory = tree.reduce(0) { $0 + $1.ownMemoryBytes() }
        // A child's time goes to its parent when it is waited for, so that the sum over the tree only grows, except by
        // children that nobody waits for.
        let ticks = ((table[root].map { [$0] } ?? []) + tree).reduce(0) { $0 &+ $1.cpuTicks }
        let seconds = Double(sampleInterval.components.seconds) * Double(sysconf(CInt(_SC_CLK_TCK)))
        let used = session.cpuTicks.map { ticks > $0 ? ticks - $0 : 0 } ?? 0
        let percent = (Double(used) / seconds * 1_000).rounded() / 10
        let isWorthy =
            abs(Double(memory) - Double(session.memoryBytes)) > Double(session.memoryBytes) * reportedMemoryRatio
            || abs(percent - session.cpuPercent) >= reportedCPUPercent
        session.cpuTicks = ticks
        if isWorthy {
            session.memoryBytes = memory
            session.cpuPercent = percent
        }
        return isWorthy
    }
}
