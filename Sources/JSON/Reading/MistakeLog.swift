// Collects the mistakes and warnings while one text is read.

/// The mistakes of one text, in the order in which they were found.
package final class MistakeLog {
    /// Further mistakes are counted and not listed.
    package static let errorCountMax = 100

    /// What is read, as whoever wrote it knows it.
    package let document: String
    /// At most `errorCountMax` of them; the text is fit for use where there is none.
    package private(set) var errors: [JSONMistake] = []
    /// They do not keep the text from being used. There is no limit to them: a text has few.
    package private(set) var warnings: [JSONWarning] = []
    /// How many mistakes were found beyond those listed.
    package private(set) var omittedCount = 0

    /// - Parameter document: The text as whoever wrote it knows it, such as `config/cluster.json`.
    package init(_ document: String) {
        self.document = document
    }

    /// Notes a mistake, and goes on: one reading finds them all.
    package func report(_ problem: JSONMistake.Problem, at place: JSONPlace) {
        guard errors.count < Self.errorCountMax else {
            omittedCount += 1
            return
        }
        errors.append(JSONMistake(document: document, place: place, problem: problem))
    }

    /// Notes a warning.
    ///
    /// - Parameter message: A whole sentence that says why, and what to do.
    package func warn(_ message: String, at place: JSONPlace) {
        warnings.append(JSONWarning(document: document, place: place, message: message))
    }
}
