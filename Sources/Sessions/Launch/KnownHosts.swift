// The file by which ssh knows this host's own sshd.
package import OperatingSystem

/// Writes `known_hosts` from the host's public keys.
package enum KnownHosts {
    /// Writes one line for each public key of the host's sshd. An error where there is none.
    ///
    /// - Parameters:
    ///   - host: The name or address that ssh is called with.
    ///   - directory: Where the host keeps its keys.
    package static func write(
        to path: String, host: String, port: UInt16, directory: String = "/etc/ssh"
    ) throws(SystemError) {
        var lines: [String] = []
        for name in try PrivateDirectory.names(in: directory)
        where name.hasPrefix("ssh_host_") && name.hasSuffix("_key.pub") {
            let bytes = try PrivateDirectory.readFile("\(directory)/\(name)", byteCountMax: 65_536) ?? []
            if let key = publicKey(String(decoding: bytes, as: UTF8.self)) {
                lines.append("\(hostForm(host, port)) \(key)")
            }
        }
        guard !lines.isEmpty else {
            throw .malformed(
                subject: directory, detail: "it has no ssh_host_*_key.pub; install openssh-server, or run ssh-keygen -A"
            )
        }
        try PrivateDirectory.replaceFile(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// As ssh looks hosts up: in brackets with the port, unless that is 22.
    package static func hostForm(_ host: String, _ port: UInt16) -> String {
        port == 22 ? host : "[\(host)]:\(port)"
    }

    /// The type and the key, without the comment behind them.
    package static func publicKey(_ text: String) -> String? {
        let words = (text.split(whereSeparator: \.isNewline).first ?? "").split(separator: " ")
        return words.count >= 2 ? "\(words[0]) \(words[1])" : nil
    }
}
