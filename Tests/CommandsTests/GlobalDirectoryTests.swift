// The cluster's configuration as files: every name is the name of a file, and comes back as it was.
import Commands
import MemberConfiguration
import OperatingSystem
import TestSupport
import Testing

@Suite("Files of the cluster's configuration")
struct GlobalDirectoryTests {
    @Test(
        "A name is the name of a file and back",
        arguments: [
            ("Needs GPU", "Needs GPU.js"), (".hidden", "%2Ehidden.js"), ("..", "%2E..js"), ("100%", "100%25.js"),
            ("%25", "%2525.js"), ("größe.js", "größe.js.js"),
        ])
    func names(name: String, file: String) {
        #expect(TextFileName.file(of: name) == file)
        #expect(TextFileName.name(of: file) == name)
    }

    @Test(
        "A file that no name is written as is none",
        arguments: ["a", ".js", ".a.js", "%2E", "a%2E.js", "100%.js", "a%41.js", " a.js", "a.js~"])
    func others(file: String) {
        #expect(TextFileName.name(of: file) == nil)
    }

    @Test("What was written is read, beside files that are none of it, and not written over")
    func files() throws {
        let directory = try TemporaryDirectory()
        let files = GlobalDirectory(path: directory.path + "/files")
        let values: [GlobalName: [UInt8]] = [
            .script("a"): [1, 0, 255], .script("%"): [], .metric("."): [2], .placement: [3],
        ]
        try files.write(values)
        try FileModes.writePrivateFile(directory.path + "/files/README", bytes: [1])
        try FileModes.writePrivateFile(directory.path + "/files/scripts/a.js~", bytes: [1])
        let content = try #require(try files.read())
        #expect(content.values == values)
        #expect(content.others == ["/files/README", "/files/scripts/a.js~"].map { directory.path + $0 })
        #expect(throws: SystemError.alreadyExists(path: directory.path + "/files/scripts")) { try files.write([:]) }
        #expect(try GlobalDirectory(path: directory.path).read() == nil)
    }
}
