// `fastx-agent askpass PROMPT`: called by ssh, prints what the agent answers.
import Glibc
import OperatingSystem

/// ssh's helper.
package enum AskpassCommand {
    /// Prints the answer to ssh's question and returns the process's exit status.
    package static func run(prompt: String) -> Int32 {
        do throws(SystemError) {
            try Kernel.hideMemory()
            return try ask(prompt) ? 0 : 1
        } catch {
            try? OwnedDescriptor(adopting: dup(2)).write("fastx-agent askpass: \(error)\n".utf8, subject: "stderr")
            return 1
        }
    }

    private static func ask(_ prompt: String) throws(SystemError) -> Bool {
        let environment = ProcessEnvironment.current()
        guard let path = environment[AskpassDirectory.socketVariable] else {
            throw .malformed(
                subject: AskpassDirectory.socketVariable, detail: "it is not set: only ssh calls this, for an agent")
        }
        let socket = try UnixAddress.connect(SOCK_SEQPACKET, path)
        let peer = try PeerCredentials(of: socket)
        guard peer.uid == geteuid() else { throw .wrongPeer(path: path, uid: peer.uid, wanted: geteuid()) }
        let question = AskpassQuestion(
            prompt: String(prompt.prefix(4_000)), kind: environment["SSH_ASKPASS_PROMPT"] ?? "")
        try socket.write(try MessageCoding.encode(question), subject: path)

        // How long a person may take is the agent's to limit: it closes the socket.
        var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&entry, 1, -1) < 0, errno == EINTR {}
        var bytes = [UInt8](repeating: 0, count: TypedSecret.byteCountMax + 2)
        defer { TypedSecret.wipe(&bytes) }
        guard let count = try socket.read(into: &bytes), count > 0, bytes[0] == AskpassAnswer.given else {
            return false
        }
        bytes[count] = UInt8(ascii: "\n")
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe Glibc.write(1, bytes.baseAddress.map { unsafe $0 + 1 }, count) == count
        }
    }
}
