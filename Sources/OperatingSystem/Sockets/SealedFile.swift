// Bytes too long for a packet: a file in memory that neither end can change any more.
import Glibc

/// A sealed file. Its reader needs no trust in its writer: reading it cannot wait, and it cannot shrink.
package enum SealedFile {
    /// A new one with these bytes, to be read from its beginning.
    ///
    /// - Parameter name: For people who look at the process's open files.
    package static func make(_ bytes: [UInt8], name: String) throws(SystemError) -> OwnedDescriptor {
        let file = try Kernel.makeMemoryFile(name)
        try file.write(bytes, subject: name)
        guard lseek(file.raw, 0, SEEK_SET) == 0 else { throw .call(name: "lseek", subject: name, code: errno) }
        try Kernel.seal(file)
        return file
    }

    /// Refuses every other kind of file, such as one on a file system that a user runs, or a pipe.
    package static func check(_ file: OwnedDescriptor) throws(SystemError) {
        guard let seals = Kernel.seals(of: file), seals & Kernel.allSeals == Kernel.allSeals else {
            throw .brokenPacket(detail: "its descriptor is not a sealed file in memory")
        }
    }
}

extension OwnedDescriptor {
    /// All bytes of a file that came from a steward, from its beginning, at most `byteCountMax`.
    package func contents(byteCountMax: Int) throws(SystemError) -> [UInt8] {
        guard lseek(raw, 0, SEEK_SET) == 0 else { throw .call(name: "lseek", subject: "a file", code: errno) }
        return try readAll(byteCountMax: byteCountMax)
    }
}
