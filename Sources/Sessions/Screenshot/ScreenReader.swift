// The few messages of the RFB protocol (RFC 6143) that it takes to see a screen once.
import OperatingSystem

/// A viewer that asks for one update of the whole screen, without compression.
struct ScreenReader {
    private var stream: ByteStream

    private static let version = Array("RFB 003.008\n".utf8)
    /// Sides of screens; Xvnc allows as many.
    private static let sideMax = 16_384
    /// Text that the server may send unasked, in bytes.
    private static let textBytesMax = 1 << 24
    /// Messages before the screen is complete.
    private static let messageCountMax = 1_000

    init(_ display: OwnedDescriptor) {
        stream = ByteStream(display)
    }

    mutating func read(maxWidth: Int) async throws(SystemError) -> Picture {
        var screen = try Screen(try await shakeHands(), maxWidth: maxWidth)
        try await stream.write(Self.request(screen.size))
        for _ in 0..<Self.messageCountMax where screen.missing > 0 {
            guard let size = try await takeMessage(&screen) else { continue }
            // Another viewer has changed it, or the server repeats it, as TigerVNC does for each request of the whole
            // screen. That alone is the answer: what is to be seen has to be asked for again.
            let isNew = size != screen.size
            if isNew { screen = try Screen(size, maxWidth: maxWidth) }
            try await stream.write(Self.request(size, incremental: !isNew))
        }
        guard screen.missing <= 0 else { throw Self.broken("it did not send its whole screen") }
        return screen.scaler.picture
    }

    private struct Size: Equatable {
        let width: Int
        let height: Int
    }

    /// What has come of the screen.
    private struct Screen {
        let size: Size
        var scaler: PictureScaler
        /// Pixels that have not come yet.
        var missing: Int

        init(_ size: Size, maxWidth: Int) throws(SystemError) {
            guard (1...sideMax).contains(size.width), (1...sideMax).contains(size.height) else {
                throw broken("its screen has \(size.width)x\(size.height) pixels")
            }
            self.size = size
            scaler = PictureScaler(screenWidth: size.width, screenHeight: size.height, maxWidth: maxWidth)
            missing = size.width * size.height
        }
    }

    private mutating func shakeHands() async throws(SystemError) -> Size {
        guard try await stream.read(12).starts(with: Array("RFB 003.".utf8)) else {
            throw Self.broken("it does not speak RFB 3.8")
        }
        try await stream.write(Self.version)
        let types = try await stream.read(Int(try await stream.read(1)[0]))
        // 1: no authentication, for the socket's directory is the user's own.
        guard types.contains(1) else { throw Self.broken("it asks for a password") }
        try await stream.write([1])
        guard try await stream.readNumber(4) == 0 else { throw Self.broken("it refused the connection") }
        // Shared with the other viewers. What it understands comes along: were the size to change before the server knew,
        // it would drop this viewer.
        try await stream.write([1] + Self.pixelFormat + Self.encodings)
        let size = Size(width: try await stream.readNumber(2), height: try await stream.readNumber(2))
        _ = try await stream.read(16)
        try await skipText()
        return size
    }

    /// Returns the screen's size where the message tells it.
    private mutating func takeMessage(_ screen: inout Screen) async throws(SystemError) -> Size? {
        switch try await stream.readNumber(1) {
        case 0:
            _ = try await stream.read(1)
            var size: Size?
            for _ in 0..<(try await stream.readNumber(2)) { size = try await takeRectangle(&screen) ?? size }
            return size
        case 1:
            _ = try await stream.read(3)
            _ = try await stream.read(6 * (try await stream.readNumber(2)))
        case 2: break
        case 3:
            _ = try await stream.read(3)
            try await skipText()
        case let type: throw Self.broken("it sent a message of the type \(type)")
        }
        return nil
    }

    private mutating func takeRectangle(_ screen: inout Screen) async throws(SystemError) -> Size? {
        let x = try await stream.readNumber(2)
        let y = try await stream.readNumber(2)
        let size = Size(width: try await stream.readNumber(2), height: try await stream.readNumber(2))
        switch Int32(truncatingIfNeeded: try await stream.readNumber(4)) {
        case 0:
            for row in 0..<size.height {
                screen.scaler.add(row: try await stream.read(size.width * 4), x: x, y: y + row)
            }
            screen.missing -= size.width * size.height
            return nil
        case Self.desktopSize:
            return size
        case Self.extendedDesktopSize:
            let screenCount = try await stream.readNumber(1)
            _ = try await stream.read(3 + 16 * screenCount)
            return size
        default:
            throw Self.broken("it compressed its screen")
        }
    }

    private mutating func skipText() async throws(SystemError) {
        let count = try await stream.readNumber(4)
        guard count <= Self.textBytesMax else { throw Self.broken("it sent a text of \(count) bytes") }
        _ = try await stream.read(count)
    }

    /// 32 bits a pixel, depth 24, low byte first, true colour, 8 bits for each of red, green and blue.
    private static let pixelFormat: [UInt8] =
        [0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]
    /// Pseudo-encodings by which the server tells of another size; it drops viewers that know neither when it changes.
    private static let desktopSize: Int32 = -223
    private static let extendedDesktopSize: Int32 = -308
    /// Raw pixels, and those two.
    private static let encodings: [UInt8] =
        [2, 0, 0, 3]
        + [0, desktopSize, extendedDesktopSize].flatMap { encoding in
            (0..<4).map { UInt8(truncatingIfNeeded: encoding >> (24 - 8 * $0)) }
        }

    /// The whole screen, or what of it has not been sent yet.
    private static func request(_ size: Size, incremental: Bool = false) -> [UInt8] {
        [3, incremental ? 1 : 0, 0, 0, 0, 0]
            + [size.width, size.height].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    }

    private static func broken(_ detail: String) -> SystemError {
        .malformed(subject: "the display's answer", detail: detail)
    }
}

/// Bytes of a stream socket, read ahead.
struct ByteStream {
    private let descriptor: OwnedDescriptor
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)
    private var unread = 0..<0

    init(_ descriptor: OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Exactly so many bytes.
    mutating func read(_ count: Int) async throws(SystemError) -> ArraySlice<UInt8> {
        if count <= unread.count {
            defer { unread = (unread.lowerBound + count)..<unread.upperBound }
            return Array(buffer[unread].prefix(count))[...]
        }
        var result = Array(buffer[unread])
        while result.count < count {
            unread = 0..<(try await fill())
            let taken = min(unread.count, count - result.count)
            result.append(contentsOf: buffer[0..<taken])
            unread = taken..<unread.upperBound
        }
        return result[...]
    }

    /// A number of so many bytes, the high one first.
    mutating func readNumber(_ byteCount: Int) async throws(SystemError) -> Int {
        try await read(byteCount).reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func fill() async throws(SystemError) -> Int {
        while true {
            if let count = try descriptor.read(into: &buffer) {
                guard count > 0 else { throw .closed }
                return count
            }
            if Task.isCancelled { throw .closed }
            await Readiness.untilReadable(descriptor)
        }
    }

    /// For a few bytes, which always have room.
    func write(_ bytes: [UInt8]) async throws(SystemError) {
        try descriptor.write(bytes, subject: "the display")
    }
}
