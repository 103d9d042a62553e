// Tests of what is read about the host: fixtures of /proc, and this host itself.
import Foundation
import Glibc
import OperatingSystem
import TestSupport
import Testing

@Suite("Status of the host")
struct HostStatusTests {
    @Test("The load averages are the first three numbers of /proc/loadavg")
    func loadAverage() throws {
        let load = try ProcFiles.loadAverage("2.19 1.22 0.50 3/345 12345\n")
        #expect([load.oneMinute, load.fiveMinutes, load.fifteenMinutes] == [2.19, 1.22, 0.5])
    }

    @Test("The uptime is the first number of /proc/uptime")
    func uptime() throws {
        #expect(try ProcFiles.uptimeSeconds("731.44 1200.01\n") == 731.44)
    }

    @Test("Memory comes in bytes, and free memory is what is available")
    func memory() throws {
        let text = """
            MemTotal:       16384000 kB
            MemFree:          100000 kB
            MemAvailable:    8000000 kB
            SwapTotal:       2097148 kB
            SwapFree:        2097000 kB
            HugePages_Total:       0
            """
        let memory = try ProcFiles.memory(text)
        #expect(memory.totalBytes == 16_384_000 * 1024)
        #expect(memory.freeBytes == 8_000_000 * 1024)
        #expect(memory.swapTotalBytes == 2_097_148 * 1024)
        #expect(memory.swapFreeBytes == 2_097_000 * 1024)
    }

    @Test("A kernel without swap has 0 bytes of it")
    func noSwap() throws {
        let memory = try ProcFiles.memory("MemTotal: 2 kB\nMemAvailable: 1 kB\n")
        #expect(memory.swapTotalBytes == 0 && memory.swapFreeBytes == 0)
    }

    @Test("The processor's name is found on x86, on a Raspberry Pi, and may be missing")
    func model() {
        let intel = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R)  CPU @ 2.50GHz\nflags\t: fpu\n"
        #expect(ProcFiles.processorModel(intel) == "Intel(R) Xeon(R) CPU @ 2.50GHz")
        let raspberry = "processor\t: 0\nBogoMIPS\t: 108.00\n\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
        #expect(ProcFiles.processorModel(raspberry) == "Raspberry Pi 4 Model B Rev 1.4")
        #expect(ProcFiles.processorModel("processor\t: 0\nCPU part\t: 0xd0c\n") == nil)
    }

    @Test("Processor use is the busy part of the ticks since the last sample")
    func processorUse() throws {
        var sampler = CPUSampler()
        #expect(try sampler.usePercent(stat: "cpu  100 10 50 800 40 5 5 10 70 5\ncpu0 1 1 1 1\n") == nil)
        // 30 busy ticks (20 user, 4 system, 6 stolen), 70 idle ones (60 idle, 10 waiting).
        #expect(try sampler.usePercent(stat: "cpu  120 10 54 860 50 5 5 16 90 5\ncpu0 1 1 1 1\n") == 30)
        #expect(try sampler.usePercent(stat: "cpu  120 10 54 860 50 5 5 16 90 5\n") == nil)
    }

    @Test("A wait counter that runs backwards does not disturb the use")
    func waitRunsBackwards() throws {
        var sampler = CPUSampler()
        _ = try sampler.usePercent(stat: "cpu  100 0 0 100 50 0 0 0\n")
        #expect(try sampler.usePercent(stat: "cpu  110 0 0 100 40 0 0 0\n") == 100)
    }

    @Test("A file of another form is a typed error that names the file")
    func malformed() {
        #expect(throws: SystemError.self) { try ProcFiles.loadAverage("") }
        #expect(throws: SystemError.self) { try ProcFiles.loadAverage("nan 1 2") }
        #expect(throws: SystemError.self) { try ProcFiles.uptimeSeconds("soon") }
        #expect(throws: SystemError.unexpectedText(path: "/p/m", detail: "no line MemAvailable")) {
            try ProcFiles.memory("MemTotal: 1 kB", path: "/p/m")
        }
        #expect(throws: SystemError.self) { try ProcFiles.memory("MemTotal: 18446744073709551615 kB") }
        #expect(throws: SystemError.self) { try CPUSampler.sample("cpu  1 2 3\n") }
        #expect(throws: SystemError.self) { try CPUSampler.sample("cpu  1 2 3 18446744073709551615\n") }
        #expect(throws: SystemError.self) { try CPUSampler.sample("cpu0 1 2 3 4\n") }
    }

    @Test("This host can be read whole, and the second reading has the processors' use")
    func thisHost() throws {
        var reader = HostStatusReader()
        #expect(reader.read().cpu.usePercent == nil)
        Thread.sleep(forTimeInterval: 0.1)
        let status = reader.read()
        #expect(status.problems == [])
        #expect(try status.hostname + "\n" == String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8))
        #expect(try status.kernel + "\n" == String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))
        #expect(status.cpu.count == ProcessInfo.processInfo.activeProcessorCount)
        #expect((0...100).contains(try #require(status.cpu.usePercent)))
        let memory = try #require(status.memory)
        #expect(memory.freeBytes > 0 && memory.freeBytes <= memory.totalBytes)
        #expect(try #require(status.uptimeSeconds) > 0)
        #expect(status.loadAverage != nil)
    }

    @Test("Missing files are problems with their names, and the rest is read")
    func missingFiles() throws {
        let directory = try HostTestDirectory()
        try directory.write("12.5 3.0\n", to: "uptime")
        var reader = HostStatusReader(procDirectory: directory.path)
        let status = reader.read()
        #expect(status.uptimeSeconds == 12.5)
        #expect(status.memory == nil && status.loadAverage == nil && status.cpu.model == nil)
        #expect(
            status.problems
                == ["cpuinfo", "stat", "loadavg", "meminfo"].map { .unreadable(path: directory.file($0), code: ENOENT) }
        )
        #expect(status.problems[0].description.contains("\(directory.file("cpuinfo")): No such file"))
    }

    @Test("Users are named once, in byte order")
    func users() {
        #expect(LoggedInUsers.sortedUnique(["zoe", "adam", "", "zoe", "Eve"]) == ["Eve", "adam", "zoe"])
        #expect(LoggedInUsers.names() == LoggedInUsers.sortedUnique(LoggedInUsers.names()))
    }
}
