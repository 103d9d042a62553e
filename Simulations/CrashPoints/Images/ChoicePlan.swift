// The choices to go through at one moment, systematic ones first.

/// All choices of a window that are not drawn at random, by number.
package struct ChoicePlan: Sendable {
    /// With so many pending changes every subset of them is gone through.
    package static let exhaustiveCountMax = 10

    private let changeCount: Int
    private let sizeVariantCount: Int
    /// For each change the number of its first torn choice.
    private let tornStarts: [Int]
    private let wholeCount: Int
    /// The choices of whole changes. They come first, everything and nothing before all others.
    package let whole: Range<Int>
    /// Those with a torn change.
    package let torn: Range<Int>
    /// Whether the choices of whole changes are all that there are.
    package let isExhaustive: Bool

    package init(_ window: FileWindow) {
        changeCount = window.changeCount
        sizeVariantCount = window.canGrow ? 2 : 1
        isExhaustive = changeCount <= Self.exhaustiveCountMax
        // All, none, then each one alone and all but each.
        wholeCount = isExhaustive ? 1 << changeCount : 2 + 2 * changeCount
        whole = 0..<(wholeCount * sizeVariantCount)
        var total = whole.upperBound
        var starts: [Int] = []
        for change in 0..<changeCount {
            starts.append(total)
            total += 2 * max(0, window.sectorCount(ofChange: change) - 1)
        }
        tornStarts = starts
        torn = whole.upperBound..<total
    }

    /// A choice by its number.
    package func choice(_ number: Int) -> ImageChoice {
        if whole.contains(number) { return whole(number % wholeCount, isGrown: number >= wholeCount) }
        let change = (tornStarts.lastIndex { $0 <= number }) ?? 0
        let position = number - tornStarts[change]
        return .torn(change, sectorCount: 1 + position / 2, withOthers: position.isMultiple(of: 2))
    }

    private func whole(_ number: Int, isGrown: Bool) -> ImageChoice {
        if isExhaustive {
            // From all bits set down to none.
            let all = UInt64(1) << UInt64(changeCount) - 1
            return .subset(number == 1 ? 0 : number == 0 ? all : UInt64(number - 1), isGrown: isGrown)
        }
        switch number {
        case 0: return .without(changeCount, isGrown: isGrown)
        case 1: return .subset(0, isGrown: isGrown)
        case ..<(2 + changeCount): return .without(number - 2, isGrown: isGrown)
        default: return .only(number - 2 - changeCount, isGrown: isGrown)
        }
    }
}
