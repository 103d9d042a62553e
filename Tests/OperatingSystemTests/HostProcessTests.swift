// What the program does to its own process at its start.
import Glibc
import OperatingSystem
import Testing

@Suite("The protection of the process")
struct HostProcessTests {
    @Test("A protected process leaves no core, is closed to debuggers and makes private files")
    func protection() async {
        await #expect(processExitsWith: .success) {
            let before = try SelfProtection.isDumpable()
            #expect(before)
            var limit = rlimit()
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 256
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)

            let report = try SelfProtection.apply()

            #expect(report.openFilesBefore == 256)
            #expect(report.openFilesNow == min(UInt64(limit.rlim_max), SelfProtection.openFilesMax))
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            #expect(UInt64(limit.rlim_cur) == report.openFilesNow)
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
            #expect(limit.rlim_cur == 0 && limit.rlim_max == 0)
            let after = try SelfProtection.isDumpable()
            #expect(!after)
            #expect(umask(0o077) == 0o077)
        }
    }
}
