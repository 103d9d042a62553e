// The nearest known word to a mistyped one.

/// Guesses which known word was meant.
package enum Suggestion {
    /// One or two letters wrong, missing or too many are a slip; more is another word.
    package static let editDistanceMax = 2

    /// The nearest of `known`; nil when none is near. The first wins among equals.
    package static func nearest(to word: String, among known: [String]) -> String? {
        if let sameLetters = known.first(where: { $0.lowercased() == word.lowercased() }) { return sameLetters }
        var best: (word: String, distance: Int)?
        for candidate in known where abs(candidate.count - word.count) <= editDistanceMax {
            let distance = editDistance(Array(word), Array(candidate))
            // A word of two letters is within two edits of every other one.
            guard distance <= editDistanceMax, distance < candidate.count else { continue }
            if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
    package static func editDistance(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, leftCharacter) in left.enumerated() {
            var current = [row + 1]
            for (column, rightCharacter) in right.enumerated() {
                let replacement = previous[column] + (leftCharacter == rightCharacter ? 0 : 1)
                current.append(min(replacement, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
