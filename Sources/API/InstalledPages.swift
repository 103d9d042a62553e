// Finds the pages where the program was built, or where they were installed with it.
import Glibc
import OperatingSystem

/// Where the pages and the description of the interface are looked for.
package struct InstalledPages: Sendable {
    /// Where the package puts them, and `make install` unless it is told another prefix.
    private static let systemDirectory = "/usr/share/fastx"

    /// The directories that they may be in, the first that has them counts.
    let candidates: [String]

    /// - Parameter program: Its path, without symbolic links.
    package init(program: String) {
        let directory = FileModes.parent(of: program)
        let ofPrefix = "\(FileModes.parent(of: directory))/share/fastx"
        candidates =
            ["\(directory)/fastx_Agent.resources", ofPrefix]
            + (ofPrefix == Self.systemDirectory ? [] : [Self.systemDirectory])
    }

    /// The directory that has them. It is looked for every time: they may be installed while the agent runs.
    var directory: String? { candidates.first { unsafe access("\($0)/Pages/index.html", R_OK) == 0 } }

    /// What an administrator is told where there are none.
    package var problem: String? {
        guard directory == nil else { return nil }
        return "no pages for browsers are installed: there are none in \(candidates.joined(separator: ", ")); "
            + "\"make install\" puts them there with the program, see README.md"
    }

    /// What a browser is told where there are none. Where they are looked for is nobody's business but the administrator's.
    static let missing =
        "The pages are not installed on this member. Whoever runs it installs them with \"make install\", "
        + "see README.md; \"fastx-agent status\" names the directories where they may be.\n"
}
