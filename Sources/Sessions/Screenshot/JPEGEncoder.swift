// Pictures as JPEG, by libjpeg-turbo.
private import CTurboJPEG
import OperatingSystem

/// Encodes without subsampling of colours, so that text stays readable in small pictures.
enum JPEGEncoder {
    /// Of 100; text has no visible fringes from here on.
    private static let quality: CInt = 85

    /// - Throws: `SystemError.malformed` with the library's own words.
    static func encode(_ picture: Picture) throws(SystemError) -> [UInt8] {
        guard let compressor = unsafe tjInitCompress() else { throw unsafe failure(nil) }
        defer { unsafe tjDestroy(compressor) }
        var output: UnsafeMutablePointer<UInt8>?
        var byteCount: UInt = 0
        defer { unsafe tjFree(output) }
        let status = unsafe tjCompress2(
            compressor, picture.pixels, CInt(picture.width), 0, CInt(picture.height), CInt(TJPF_RGB.rawValue), &output,
            &byteCount, CInt(TJSAMP_444.rawValue), quality, 0)
        guard status == 0, let start = unsafe output else { throw unsafe failure(compressor) }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(byteCount)))
    }

    private static func failure(_ compressor: tjhandle?) -> SystemError {
        let words = unsafe tjGetErrorStr2(compressor).map { unsafe String(cString: $0) } ?? "unknown"
        return .malformed(subject: "the display's picture", detail: "libjpeg-turbo: \(words)")
    }
}
