// Collects the mistakes and warnings while one text is read.

/// The mistakes of one text, in the order in which they were found.
package final class MistakeLog {
    /// Further mistakes are counted and not listed.
    package static let errorCountMax = 100

    /// What is read, as whoever wrote it knows it.
    package let document: String
    package private(set) var errors: [JSONMistake] = []
    package private(set) var warnings: [JSONWarning] = []
    package private(set) var omittedCount = 0

    package init(_ document: String) {
        self.document = document
    }

    package func report(_ problem: JSONMistake.Problem, at place: JSONPlace) {
        guard errors.count < Self.errorCountMax else {
            omittedCount += 1
            return
        }
        errors.append(JSONMistake(document: document, place: place, problem: problem))
    }

    package func warn(_ message: String, at place: JSONPlace) {
        warnings.append(JSONWarning(document: document, place: place, message: message))
    }
}
