// What figures depend on: the machine and what else it does, and the versions of what is compared.
import Foundation

enum MachineNotes {
    static func print(_ printer: ResultPrinter, versions: [String]) {
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let model = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
            .map { $0.drop { $0 != ":" }.dropFirst(2) }
        printer.note("\(processors) processors, \(model ?? "of unknown model")")
        for version in versions { printer.note(version) }
        printLoad(printer, "before")
    }

    /// How busy the machine is, this program's part included.
    static func printLoad(_ printer: ResultPrinter, _ when: String) {
        let load = text("/proc/loadavg").split(separator: " ").prefix(3).joined(separator: " ")
        printer.note("load average \(when): \(load)")
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
