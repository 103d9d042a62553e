// A small picture of a session's screen, as its RFB server shows it.
import OperatingSystem

/// Connects as one more viewer, takes one whole screen and leaves.
enum Screenshot {
    /// Widths that can be asked for, in pixels.
    private static let widthRange = 16...4_096
    /// How long a display may take to send its screen.
    private static let timeMax: Duration = .seconds(8)

    /// A JPEG picture, at most `maxWidth` pixels wide and never larger than the screen.
    ///
    /// - Parameter display: A connection to the RFB server that nothing was read from yet.
    static func take(_ display: OwnedDescriptor, maxWidth: Int) async throws(SystemError) -> [UInt8] {
        let width = min(max(maxWidth, widthRange.lowerBound), widthRange.upperBound)
        let taken = await TimeLimit.run(timeMax) { () async -> Result<[UInt8], SystemError> in
            do throws(SystemError) {
                var reader = ScreenReader(display)
                let picture = try await reader.read(maxWidth: width)
                return .success(try JPEGEncoder.encode(picture))
            } catch {
                return .failure(error)
            }
        }
        guard let taken else { throw .timedOut(what: "the display's picture", limit: timeMax) }
        return try taken.get()
    }
}

/// A picture of 8 bits for each of red, green and blue, row by row.
package struct Picture: Hashable, Sendable {
    /// In pixels, at least 1.
    package let width: Int
    /// In pixels, at least 1.
    package let height: Int
    /// Three bytes for each pixel, from the top left one on, without padding between rows.
    package var pixels: [UInt8]
}

/// Shrinks a screen while it arrives: each pixel of the picture is the mean of those that fall on it.
package struct PictureScaler: Sendable {
    private let screenWidth: Int
    private let screenHeight: Int
    private let width: Int
    private let height: Int
    private let columns: [Int]
    /// Sums of red, green and blue, then how many pixels they are of.
    private var sums: [UInt32]

    /// For a screen of at least one pixel; both its sides shrink alike.
    ///
    /// - Parameter maxWidth: In pixels, at least 1. The picture is never wider than the screen.
    package init(screenWidth: Int, screenHeight: Int, maxWidth: Int) {
        self.screenWidth = screenWidth
        self.screenHeight = screenHeight
        let width = min(maxWidth, screenWidth)
        self.width = width
        height = max(1, screenHeight * width / screenWidth)
        columns = (0..<screenWidth).map { $0 * width / screenWidth }
        sums = [UInt32](repeating: 0, count: width * height * 4)
    }

    /// Takes a part of a row, of 32-bit pixels with blue in the first byte and red in the third.
    package mutating func add(row: ArraySlice<UInt8>, x: Int, y: Int) {
        guard y < screenHeight, x + row.count / 4 <= screenWidth else { return }
        let line = y * height / screenHeight * width
        var source = row.startIndex
        for column in x..<(x + row.count / 4) {
            let place = (line + columns[column]) * 4
            // A server that sends a place again and again spoils its own picture.
            sums[place] &+= UInt32(row[source + 2])
            sums[place + 1] &+= UInt32(row[source + 1])
            sums[place + 2] &+= UInt32(row[source])
            sums[place + 3] &+= 1
            source += 4
        }
    }

    /// The picture of what has come so far; places of which nothing came are black.
    package var picture: Picture {
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for index in 0..<(width * height) {
            let count = max(1, sums[index * 4 + 3])
            for part in 0..<3 { pixels[index * 3 + part] = UInt8(truncatingIfNeeded: sums[index * 4 + part] / count) }
        }
        return Picture(width: width, height: height, pixels: pixels)
    }
}
