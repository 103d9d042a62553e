// The progress of long work as one line of a terminal.
import Commands
import Foundation
import Glibc
import Testing

@Suite("The progress line")
struct ProgressLineTests {
    @Test("A progress line has count, total, percent and rate")
    func text() {
        let meter = ProgressMeter(label: "load", unit: "entries", total: 200_000)
        #expect(
            meter.text(count: 150_000, elapsed: .seconds(2))
                == "load: 150,000 of 200,000 entries, 75 %, 75,000 per second")
        #expect(meter.text(count: 0, elapsed: .zero) == "load: 0 of 200,000 entries, 0 %")
        let open = ProgressMeter(label: "sync", unit: "entries", total: nil)
        #expect(open.text(count: 999, elapsed: .seconds(1)) == "sync: 999 entries, 999 per second")
    }

    @Test(
        "Only the whole is 100 %, and nothing is more", arguments: [(999_999, 99), (1_000_000, 100), (1_000_001, 100)])
    func percent(count: UInt64, expected: Int) {
        let meter = ProgressMeter(label: "l", unit: "u", total: 1_000_000)
        #expect(meter.text(count: count, elapsed: .zero).hasSuffix(", \(expected) %"))
    }

    @Test("A line is due ten times a second at most")
    func throttle() {
        var meter = ProgressMeter(label: "l", unit: "u", total: nil)
        var lines = 0
        for millisecond in 0..<1_000 where meter.line(count: 1, elapsed: .milliseconds(millisecond)) != nil {
            lines += 1
        }
        #expect(lines == 10)
    }

    @Test("Numbers are grouped by thousands")
    func grouped() {
        #expect(
            [0, 12, 123, 1_234, 123_456, 1_234_567].map { ProgressMeter.grouped($0) }
                == ["0", "12", "123", "1,234", "123,456", "1,234,567"])
    }

    @Test("On a terminal the line is rewritten in place and ends with a line break")
    func terminal() throws {
        let controller = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(controller >= 0)
        defer { close(controller) }
        // TIOCSPTLCK and TIOCGPTN, which Swift does not import: unlock the other end, and ask for its number.
        var (lock, number): (CInt, CInt) = (0, -1)
        try #require(unsafe ioctl(controller, 0x4004_5431, &lock) == 0 && ioctl(controller, 0x8004_5430, &number) == 0)
        let name = "/dev/pts/\(number)"
        let terminal = unsafe open(name, O_RDWR | O_NOCTTY)
        try #require(terminal >= 0)
        defer { close(terminal) }

        let start = ContinuousClock.now
        var line = ProgressLine(label: "load", unit: "entries", total: 10, descriptor: terminal, now: { start })
        line.update(count: 5)
        line.update(count: 6)
        line.clear()
        line.finish(count: 10)

        // A terminal gives what has arrived so far, so one read may be only a part.
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while received.last != UInt8(ascii: "\n") {
            var ready = pollfd(fd: controller, events: Int16(POLLIN), revents: 0)
            try #require(unsafe poll(&ready, 1, 5_000) == 1, "nothing more came in 5 s")
            let count = unsafe read(controller, &buffer, buffer.count)
            try #require(count > 0)
            received += buffer.prefix(count)
        }
        let shown = "load: 5 of 10 entries, 50 %"
        let blanks = String(repeating: " ", count: shown.count)
        #expect(
            String(decoding: received, as: UTF8.self)
                == "\r\(shown)\r\(blanks)\r\rload: 10 of 10 entries, 100 %\r\n")
    }

    @Test("Where there is no terminal nothing is written")
    func pipe() throws {
        let pipe = Pipe()
        var line = ProgressLine(
            label: "load", unit: "entries", total: 10, descriptor: pipe.fileHandleForWriting.fileDescriptor)
        line.update(count: 5)
        line.clear()
        line.finish(count: 10)
        try pipe.fileHandleForWriting.close()
        #expect(pipe.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }
}
