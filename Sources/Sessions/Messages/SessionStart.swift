// What a user asks for when a session is started, and the rules that it must keep.
import OperatingSystem

/// A request for a new session. Check it with `validate()`: values of any form can be decoded.
package struct SessionStart: Codable, Hashable, Sendable {
    /// Longest command; a longer one belongs into a script.
    package static let commandBytesMax = 4_096
    /// Longest name, in UTF-8.
    package static let nameBytesMax = 200
    /// Most parameters of one session.
    package static let parameterCountMax = 64
    /// Longest name of a parameter: letters, digits and _, without a digit at its start.
    package static let parameterNameBytesMax = 64
    /// Longest value of a parameter, in UTF-8; it has no zero byte.
    package static let parameterValueBytesMax = 4_096
    /// Longest id of a placement: a server id, a dash and 16 digits.
    static let placementBytesMax = 100
    /// As JSON, so that a packet holds it with room for what is around it.
    package static let encodedBytesMax = 60_000

    /// Run by the user's shell with `-c`.
    package var command: String
    /// What the user calls the session; `nil` for the command itself.
    package var name: String?
    /// The display's size at the start.
    package var geometry: Geometry
    /// Given to the command as environment variables `FASTX_PARAM_<name>`.
    package var params: [String: String]
    /// `nil` starts one unless the command is a desktop, which brings its own.
    package var windowManager: WindowManager?
    /// Under which id the member that chose the host keeps how it did; `nil` where none has chosen.
    package var placement: String?

    /// Nothing is checked here: see `validate()`.
    package init(
        command: String, name: String? = nil, geometry: Geometry = .standard, params: [String: String] = [:],
        windowManager: WindowManager? = nil, placement: String? = nil
    ) {
        self.command = command
        self.name = name
        self.geometry = geometry
        self.params = params
        self.windowManager = windowManager
        self.placement = placement
    }

    /// Of JSON, in which all but the command may be missing.
    ///
    /// - Throws: `StewardError` for a geometry or a window manager that is none, else `DecodingError`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        command = try container.decode(String.self, forKey: .command)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        geometry = try container.decodeIfPresent(Geometry.self, forKey: .geometry) ?? .standard
        params = try container.decodeIfPresent([String: String].self, forKey: .params) ?? [:]
        windowManager = try container.decodeIfPresent(WindowManager.self, forKey: .windowManager)
        placement = try container.decodeIfPresent(String.self, forKey: .placement)
    }

    /// What is shown when the session has no name: the command's beginning.
    package var shownName: String {
        if let name { return name }
        // A name is one line without what cannot be seen, and short.
        let visible = command.unicodeScalars.map { $0.isControlOrFormat ? " " : Character($0) }
        let words = String(visible).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        var shown = String(words.prefix(60))
        while shown.utf8.count > Self.nameBytesMax { shown.removeLast() }
        return shown.contains { !$0.isWhitespace } ? shown : "Session"
    }

    /// Throws the first rule that is broken.
    package func validate() throws(StewardError) {
        try Self.validate(command: command)
        if let name { try Self.validate(name: name) }
        try geometry.validate()
        try validateParameters()
        if let placement { try Self.validate(placement: placement) }
        guard (try? MessageCoding.encode(self).count <= Self.encodedBytesMax) == true else {
            throw StewardError(
                .badParameter,
                "command and parameters together are over \(Self.encodedBytesMax) bytes; put some in a file")
        }
    }

    private static func validate(command: String) throws(StewardError) {
        guard command.contains(where: { !$0.isWhitespace }) else {
            throw StewardError(.badCommand, "the session's command is empty; give a program, such as xterm")
        }
        guard command.utf8.count <= commandBytesMax else {
            throw StewardError(
                .badCommand,
                "the session's command has \(command.utf8.count) bytes and may have \(commandBytesMax); put it in a script"
            )
        }
        guard !command.utf8.contains(0) else {
            throw StewardError(.badCommand, "the session's command has a zero byte, which no command can have")
        }
    }

    /// The rules for a session's name.
    package static func validate(name: String) throws(StewardError) {
        guard name.contains(where: { !$0.isWhitespace }), name.utf8.count <= nameBytesMax else {
            throw StewardError(
                .badName,
                "a session's name has 1 to \(nameBytesMax) bytes and not only spaces; this one has \(name.utf8.count)")
        }
        guard !name.unicodeScalars.contains(where: \.isControlOrFormat) else {
            throw StewardError(.badName, "a session's name may not have control characters such as line breaks")
        }
    }

    private static func validate(placement: String) throws(StewardError) {
        let isID = placement.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") }
        guard (1...placementBytesMax).contains(placement.utf8.count), isID else {
            throw StewardError(.badParameter, "the placement's id is not made of 1 to 100 letters, digits and -")
        }
    }

    private func validateParameters() throws(StewardError) {
        guard params.count <= Self.parameterCountMax else {
            throw StewardError(
                .badParameter, "\(params.count) parameters were given and \(Self.parameterCountMax) are allowed")
        }
        for (name, value) in params.sorted(by: { $0.key < $1.key }) {
            guard Self.isParameterName(name) else {
                throw StewardError(
                    .badParameter,
                    "the parameter name '\(name.prefix(80).filter { !$0.isNewline })' is not made of 1 to "
                        + "\(Self.parameterNameBytesMax) letters, digits and _ without a digit at its start")
            }
            guard value.utf8.count <= Self.parameterValueBytesMax, !value.utf8.contains(0) else {
                throw StewardError(
                    .badParameter,
                    "the parameter \(name) has a zero byte or over \(Self.parameterValueBytesMax) bytes")
            }
        }
    }

    private static func isParameterName(_ name: String) -> Bool {
        guard (1...parameterNameBytesMax).contains(name.utf8.count), let first = name.utf8.first else { return false }
        return !first.isASCIIDigit
            && name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "_") }
    }
}

extension Unicode.Scalar {
    /// Control characters, and invisible ones that change how the text around them is shown.
    var isControlOrFormat: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        // Joiners belong to the spelling of some languages and to emoji; directional overrides do not.
        case .format: !(0x200C...0x200D).contains(value)
        default: false
        }
    }
}

/// The size of a display in pixels, written "WIDTHxHEIGHT".
package struct Geometry: Codable, Hashable, Sendable, CustomStringConvertible {
    /// Pixels that each side may have.
    package static let sideRange = 200...8_192
    /// What a session has unless something else is asked for.
    package static let standard = Geometry(width: 1_280, height: 800)

    /// In pixels.
    package var width: Int
    /// In pixels.
    package var height: Int

    /// Any size: `SessionStart.validate()` judges it.
    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// `nil` for a text of another form; a size out of range is found by `validate`.
    package init?(_ text: String) {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false)
        let areDigits = sides.allSatisfy { (1...5).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isASCIIDigit) }
        guard sides.count == 2, areDigits, let width = Int(sides[0]), let height = Int(sides[1]) else { return nil }
        self.init(width: width, height: height)
    }

    /// From "WIDTHxHEIGHT".
    ///
    /// - Throws: `StewardError` for a text of another form.
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let geometry = Geometry(text) else {
            throw StewardError(.badGeometry, "the geometry '\(text.prefix(40))' is not of the form 1280x800")
        }
        self = geometry
    }

    /// As "WIDTHxHEIGHT".
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// "WIDTHxHEIGHT", as it is read.
    package var description: String { "\(width)x\(height)" }

    func validate() throws(StewardError) {
        guard Self.sideRange.contains(width), Self.sideRange.contains(height) else {
            throw StewardError(
                .badGeometry,
                "the geometry \(self) is out of range; each side may have \(Self.sideRange.lowerBound) to "
                    + "\(Self.sideRange.upperBound) pixels")
        }
    }
}

/// The window managers that can be asked for.
package enum WindowManager: String, Codable, CaseIterable, Sendable {
    /// In the order in which they are looked for when none was named: the light ones that need no desktop first.
    case openbox, xfwm4, marco, icewm, fluxbox, metacity, mutter
    case kwin = "kwin_x11"
    case fvwm, mwm, twm
    /// No window manager.
    case none

    /// What it has to be told to manage an X display.
    var arguments: [String] { self == .mutter ? ["--x11"] : [] }

    /// From its program's name, or `none`.
    ///
    /// - Throws: `StewardError` that names all there are.
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let choice = WindowManager(rawValue: text) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw StewardError(
                .badWindowManager, "the window manager '\(text.prefix(40))' is unknown; there are: \(known)")
        }
        self = choice
    }
}
