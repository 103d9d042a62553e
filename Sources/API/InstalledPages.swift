// Finds the pages where the program was built, or where they were installed with it.
import OperatingSystem

/// Where the pages and the description of the interface are looked for.
package struct InstalledPages: Sendable {
    private let files: InstalledFiles

    /// The directories that they may be in, the first that has them counts.
    var candidates: [String] { files.candidates }

    /// - Parameter program: Its path, without symbolic links.
    package init(program: String) {
        files = InstalledFiles(program: program)
    }

    /// The directory that has them. It is looked for every time: they may be installed while the agent runs.
    var directory: String? { files.directory(with: "Pages/index.html") }

    /// The file of types for placement scripts and metrics; nil where it is not installed.
    var scriptTypes: String? {
        let file = "ScriptWorker/fastx.d.ts"
        return files.directory(with: file).map { "\($0)/\(file)" }
    }

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
