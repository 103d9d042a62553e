// A few shapes of SVG, enough for the pictures that this program draws.

/// A picture in the making. Coordinates are in pixels from the upper left corner.
struct SVG {
    let width: Double
    let height: Double
    private var shapes: [String] = []

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, width: Double = 1) {
        shapes.append(
            "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"\(color)\" stroke-width=\"\(width)\"/>")
    }

    mutating func path(_ points: [(x: Double, y: Double)], _ color: String, width: Double = 2) {
        let text = points.map { "\($0.x),\($0.y)" }.joined(separator: " ")
        shapes.append("<polyline points=\"\(text)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(width)\"/>")
    }

    mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ color: String) {
        shapes.append("<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" fill=\"\(color)\"/>")
    }

    mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ color: String) {
        shapes.append("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\" fill=\"\(color)\"/>")
    }

    mutating func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "start", size: Int = 12) {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        shapes.append(
            "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" font-family=\"sans-serif\" "
                + "fill=\"#222\">\(escaped)</text>")
    }

    var document: String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
            + "viewBox=\"0 0 \(width) \(height)\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
            + shapes.joined(separator: "\n") + "\n</svg>\n"
    }
}
