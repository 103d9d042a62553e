// How a script's process ended, told from what the guard and the process said.
import Glibc
import OperatingSystem
import Scripts
import Testing

@Suite("The end of a script's process")
struct ScriptEndTests {
    private static let heap = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"

    @Test("A lack of memory is told from other ends")
    func reasons() {
        let cases: [(OperatingSystem.ExitStatus?, Bool, String, ScriptEnd.Reason)] = [
            (.signalled(SIGABRT), false, Self.heap, .outOfMemory),
            (.signalled(SIGTRAP), false, "# Fatal process out of memory: Zone", .outOfMemory),
            (.signalled(SIGABRT), false, "assertion failed", .signalled(SIGABRT)),
            (.signalled(SIGKILL), false, "", .outOfMemory),
            (.signalled(SIGKILL), true, "", .killed),
            (.signalled(SIGTERM), false, Self.heap, .signalled(SIGTERM)),
            (.exited(3), false, Self.heap, .exited(3)),
            (nil, false, "", .guardLost),
            (nil, true, "", .killed),
        ]
        for (status, wasKilled, text, reason) in cases {
            #expect(ScriptEnd(status, wasKilled: wasKilled, standardError: text).reason == reason, "\(text)")
        }
    }
}
