// What commands write on the terminal.
import Glibc

/// Text for people on the terminal.
package enum Terminal {
    /// A line on standard error that begins with the program's name.
    package static func complain(_ text: String) { complainPlainly("fastx-agent: \(text)") }

    /// A line on standard error.
    package static func complainPlainly(_ text: String) { write(Array("\(text)\n".utf8), to: STDERR_FILENO) }

    /// All of the bytes. Ends the process where nobody takes them any more.
    static func write(_ bytes: some Collection<UInt8>, to descriptor: CInt = STDOUT_FILENO) {
        let array = Array(bytes)
        var written = 0
        while written < array.count {
            let count = unsafe array.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]).baseAddress, array.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                Glibc.exit(CommandStatus.notFoundOrRefused.rawValue)
            }
            written += count
        }
    }

    /// Columns of equal width, the last one open.
    static func table(_ rows: [[String]]) {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
            }
            print(cells.joined(separator: "  "))
        }
    }
}
