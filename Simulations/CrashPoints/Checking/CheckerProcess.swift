// A child process that checks images, as its parent sees it.
import Foundation
import Glibc

/// One running checker. It ends with this value.
final class CheckerProcess {
    /// A check takes milliseconds. One that takes this long goes round in circles.
    private static let patienceMilliseconds: Int32 = 30_000

    private let process = Process()
    private let requests = Pipe()
    private let replies = Pipe()
    private let errors = Pipe()
    private var lines: LineReader

    init(_ command: [String]) throws(CrashPointError) {
        // A child that died is found out by its silence, not by a signal to its parent.
        signal(SIGPIPE, SIG_IGN)
        lines = LineReader(descriptor: replies.fileHandleForReading.fileDescriptor, name: "a checker's replies")
        guard let program = command.first else { throw .child("no program to check images with was given") }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = Array(command.dropFirst())
        // Many may have to die, and how is of no interest.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardInput = requests
        process.standardOutput = replies
        process.standardError = errors
        do {
            try process.run()
        } catch {
            throw .child("\(program) cannot be started: \(error)")
        }
        // This end is the child's: as long as it is open here, the end of the child is not seen.
        try? replies.fileHandleForWriting.close()
        try? errors.fileHandleForWriting.close()
    }

    deinit {
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Has an image checked. Where the child dies of it, that is the result, and the child cannot be asked again.
    func ask(_ request: CheckRequest) throws(CrashPointError) -> (result: ImageResult, isAlive: Bool) {
        let descriptor = requests.fileHandleForWriting.fileDescriptor
        do {
            try RawFile.write(Array((request.line + "\n").utf8), to: descriptor, name: "a checker's requests")
        } catch {
            return (.died(try end()), false)
        }
        var waiting = pollfd(fd: lines.descriptor, events: Int16(POLLIN), revents: 0)
        var status: Int32
        repeat {
            status = unsafe poll(&waiting, 1, Self.patienceMilliseconds)
        } while status < 0 && errno == EINTR
        if status == 0 {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            return (.died("it gave no answer for \(Self.patienceMilliseconds / 1_000) seconds"), false)
        }
        guard let line = try lines.next() else { return (.died(try end()), false) }
        guard let result = ImageResult(line: line) else { throw .child("a checker answered \"\(line)\"") }
        return (result, true)
    }

    /// How the child ended.
    private func end() throws(CrashPointError) -> String {
        process.waitUntilExit()
        let text = try LineReader.all(errors.fileHandleForReading.fileDescriptor, name: "a checker's errors")
        let said = text.split(separator: "\n").first.map { ", saying \"\($0)\"" } ?? ""
        let status = process.terminationStatus
        let isSignal = process.terminationReason == .uncaughtSignal
        return "it ended with \(isSignal ? "signal" : "status") \(status)\(said)"
    }
}

extension LineReader {
    /// Everything up to the end.
    static func all(_ descriptor: Int32, name: String) throws(CrashPointError) -> String {
        var bytes: [UInt8] = []
        while true {
            let more = try RawFile.read(descriptor, name: name)
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }
}
