// The lines in which two texts differ, for people and for records that have no room for both.

/// A difference of two texts, line by line.
package enum LineDifference {
    /// Beyond so many lines that are not the same at the beginning or the end, all are shown as replaced: finding the
    /// fewest takes as long as their number times the number of changes.
    private static let searchedLineCountMax = 2_000

    /// The lines that went, with `-` before them, and those that came, with `+`, in order.
    package static func lines(from old: [UInt8], to new: [UInt8]) -> [String] {
        let (old, new) = (split(old), split(new))
        let common = min(old.count, new.count)
        let start = (0..<common).first { old[$0] != new[$0] } ?? common
        let end = (0..<common - start).first { old[old.count - 1 - $0] != new[new.count - 1 - $0] } ?? common - start
        let (oldMiddle, newMiddle) = (old[start..<old.count - end], new[start..<new.count - end])
        guard oldMiddle.count + newMiddle.count <= searchedLineCountMax else {
            return oldMiddle.map { "-\($0)" } + newMiddle.map { "+\($0)" }
        }
        return merged(Array(oldMiddle), Array(newMiddle))
    }

    /// The same in one text, with a line that says so where it was cut.
    static func text(from old: [UInt8], to new: [UInt8], byteCountMax: Int) -> String {
        let lines = lines(from: old, to: new)
        let text = lines.joined(separator: "\n")
        if text.utf8.count <= byteCountMax { return text }
        let note = "\n(cut: the difference has \(lines.count) lines)"
        // A character that is cut in two is left out.
        var end = byteCountMax - note.utf8.count
        let bytes = Array(text.utf8)
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self) + note
    }

    /// What went stands before what came in its place.
    private static func merged(_ old: [String], _ new: [String]) -> [String] {
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in new.difference(from: old) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [String] = []
        var (oldIndex, newIndex) = (0, 0)
        while oldIndex < old.count || newIndex < new.count {
            if oldIndex < old.count, removed.contains(oldIndex) {
                lines.append("-\(old[oldIndex])")
                oldIndex += 1
            } else if newIndex < new.count, inserted.contains(newIndex) {
                lines.append("+\(new[newIndex])")
                newIndex += 1
            } else {
                oldIndex += 1
                newIndex += 1
            }
        }
        return lines
    }

    private static func split(_ text: [UInt8]) -> [String] {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }
}
