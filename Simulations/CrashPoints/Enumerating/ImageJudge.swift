// Whoever finds out what an image is: a child process with the real store, or a test's own reader.

/// Looks at images. One thread uses it.
package protocol ImageJudge: AnyObject {
    /// Looks at one image of a file.
    ///
    /// - Parameter fully: Whether to use it as well, beyond reading it.
    func judge(
        _ image: DiskImage, of file: Int, in window: FileWindow, kind: Subject.Kind, fully: Bool
    ) throws(CrashPointError) -> ImageResult

    /// Looks at a place where there is no data file.
    ///
    /// - Parameter names: Files that lie there, with contents of no worth; nil where there is no directory either.
    func judgeAbsence(beside names: Set<String>?) throws(CrashPointError) -> ImageResult
}
