// One session as its steward knows it.
import Glibc
import OperatingSystem

/// What was asked for, what the supervisor tells, what the agent tells, and what was measured.
struct KeptSession: Sendable {
    let directory: SessionDirectory
    let plan: SessionPlan
    var record: SupervisorRecord
    var own: StewardRecord
    /// The supervisor; `nil` once it is gone.
    var supervisor: Supervisor?
    var memoryBytes: UInt64 = 0
    var cpuPercent = 0.0
    var cpuTicks: UInt64?
    var isForgotten = false

    struct Supervisor: Sendable {
        let pid: pid_t
        let process: OwnedDescriptor
    }

    var id: String { plan.id }

    var report: SessionReport {
        SessionReport(
            id: plan.id, name: own.name, command: plan.start.command, geometry: plan.start.geometry,
            params: plan.start.params, state: record.state, reason: record.reason, exitStatus: record.exitStatus,
            started: plan.created, ended: record.ended, lastConnect: own.lastConnect,
            lastDisconnect: own.lastDisconnect, clients: own.clients, display: record.display,
            memoryBytes: memoryBytes, cpuPercent: cpuPercent, forgotten: isForgotten,
            placement: plan.start.placement)
    }

    /// Takes a new count of viewers. `false` when nothing has changed.
    mutating func setClients(_ count: Int, now: UInt64) -> Bool {
        guard count != own.clients else { return false }
        if count > own.clients { own.lastConnect = now } else { own.lastDisconnect = now }
        own.clients = count
        isForgotten = false
        return true
    }

    /// Decides whether the session is forgotten: it lives and nobody has looked at it for so long. `true` on a change.
    mutating func updateForgotten(after limitSeconds: Int, now: UInt64) -> Bool {
        let last = max(own.lastDisconnect ?? 0, own.lastConnect ?? 0, plan.created)
        let isOld = now > last && (now - last) / 1_000 >= UInt64(max(0, limitSeconds))
        let before = isForgotten
        isForgotten = record.state.isLiving && own.clients == 0 && isOld
        return isForgotten != before
    }
}
