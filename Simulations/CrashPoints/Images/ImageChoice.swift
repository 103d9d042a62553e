// Which of the pending changes of a file an image has; its text repeats the image.

/// One choice among what a power cut can leave of a file.
package enum ImageChoice: Sendable, Hashable {
    /// Those changes whose bits are set, each whole. `isGrown`: the size is the latest one, whatever is missing.
    case subset(UInt64, isGrown: Bool)
    /// All changes but one.
    case without(Int, isGrown: Bool)
    /// One change alone.
    case only(Int, isGrown: Bool)
    /// The first sectors of one change, with all others or with none.
    case torn(Int, sectorCount: Int, withOthers: Bool)
    /// Drawn sector by sector from a seed.
    case random(UInt64)
}

extension ImageChoice: LosslessStringConvertible {
    package var description: String {
        switch self {
        case .subset(let bits, let isGrown): "subset-\(String(bits, radix: 16))\(isGrown ? "-grown" : "")"
        case .without(let change, let isGrown): "without-\(change)\(isGrown ? "-grown" : "")"
        case .only(let change, let isGrown): "only-\(change)\(isGrown ? "-grown" : "")"
        case .torn(let change, let count, let withOthers): "torn-\(change)-\(count)\(withOthers ? "-with" : "")"
        case .random(let seed): "random-\(String(seed, radix: 16))"
        }
    }

    package init?(_ description: String) {
        let words = description.split(separator: "-")
        let isMarked = words.last == "grown" || words.last == "with"
        let numbers = words.dropFirst().dropLast(isMarked ? 1 : 0)
        switch (words.first, numbers.count) {
        case ("subset", 1):
            guard let bits = UInt64(numbers[1], radix: 16) else { return nil }
            self = .subset(bits, isGrown: isMarked)
        case ("without", 1):
            guard let change = Int(numbers[1]) else { return nil }
            self = .without(change, isGrown: isMarked)
        case ("only", 1):
            guard let change = Int(numbers[1]) else { return nil }
            self = .only(change, isGrown: isMarked)
        case ("torn", 2):
            guard let change = Int(numbers[1]), let count = Int(numbers[2]) else { return nil }
            self = .torn(change, sectorCount: count, withOthers: isMarked)
        case ("random", 1):
            guard let seed = UInt64(numbers[1], radix: 16), !isMarked else { return nil }
            self = .random(seed)
        default: return nil
        }
    }
}
