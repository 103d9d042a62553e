// Finds the files that come with the program where it was built, or where they were installed with it.
import Glibc

/// Where the program's own files, such as pages and scripts, are looked for.
package struct InstalledFiles: Sendable {
    /// Where the package puts them, and `make install` unless it is told another prefix.
    private static let systemDirectory = "/usr/share/fastx"

    /// The directories that they may be in, the first that has them counts.
    package let candidates: [String]

    /// - Parameter program: Its path, without symbolic links.
    package init(program: String) {
        let directory = FileModes.parent(of: program)
        let ofPrefix = "\(FileModes.parent(of: directory))/share/fastx"
        candidates =
            ["\(directory)/fastx_Agent.resources", ofPrefix]
            + (ofPrefix == Self.systemDirectory ? [] : [Self.systemDirectory])
    }

    /// The first directory that has a file, which is named by its path in there. It is looked for every time: files may be
    /// installed while the program runs.
    package func directory(with file: String) -> String? {
        candidates.first { unsafe access("\($0)/\(file)", R_OK) == 0 }
    }
}
