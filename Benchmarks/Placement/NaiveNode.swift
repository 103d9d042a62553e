// The peer of the placement benchmark: one Node process that is handed the whole list with each decision.
import Glibc
import OperatingSystem

/// Decides as one would at first: the list as JSON text, `JSON.parse`, and each function in a context of its own.
final class NaiveNode: Sendable {
    private let output: OwnedDescriptor
    private let input: OwnedDescriptor
    private let process: ChildProcess

    /// Frames in both directions: u32 length, big-endian, then JSON. The list is parsed once for each decision, and each
    /// function gets what the one before has returned.
    private static let program = """
        const fs = require('fs'), vm = require('vm');
        function read(count) {
          const bytes = Buffer.allocUnsafe(count);
          for (let at = 0; at < count;) {
            const got = fs.readSync(0, bytes, at, count - at, null);
            if (got === 0) process.exit(0);
            at += got;
          }
          return bytes;
        }
        for (;;) {
          const input = JSON.parse(read(read(4).readUInt32BE()).toString('utf8'));
          let answer;
          for (const text of input.functions) {
            const context = vm.createContext({});
            const result = vm.runInContext(`(${text}\\n)`, context)(input);
            if (typeof result === 'string') { answer = result; break; }
            if (Array.isArray(result)) input.servers = result;
          }
          const bytes = Buffer.from(JSON.stringify(answer ?? null)), head = Buffer.alloc(4);
          head.writeUInt32BE(bytes.length);
          fs.writeSync(1, Buffer.concat([head, bytes]));
        }
        """

    init(node: String) throws {
        let (toNode, fromNode) = (try Kernel.makePipe(), try Kernel.makePipe())
        process = try ChildProcess.spawn(
            SpawnPlan(
                program: node, arguments: ["-e", Self.program], environment: [:],
                descriptors: [toNode.reading, fromNode.writing, try OwnedDescriptor.duplicate(STDERR_FILENO)]))
        (output, input) = (toNode.writing, fromNode.reading)
    }

    /// The server id that the chain comes to.
    func decide(functions: [UInt8], input: [UInt8], list: [UInt8]) throws -> String {
        var body = Array("{\"functions\":".utf8) + functions + Array(",\"servers\":".utf8)
        body += list
        body += Array(",".utf8) + input.dropFirst()
        let head = stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: body.count >> $0) }
        try output.write(head + body, subject: "the Node process to compare with")
        let count = try read(4).reduce(0) { $0 << 8 | Int($1) }
        return String(decoding: try read(count), as: UTF8.self)
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var part = [UInt8](repeating: 0, count: count - bytes.count)
            guard let got = try self.input.read(into: &part), got > 0 else {
                throw BenchmarkError("the Node process to compare with has ended")
            }
            bytes += part.prefix(got)
        }
        return bytes
    }

    func stop() throws { try process.send(SIGKILL) }
}
