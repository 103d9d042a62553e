// Every content that a sector of a recorded file ever had, each under a number.
import Replica

/// The smallest part of a file that a disk writes whole or not at all.
package let sectorByteCount = 512

/// The contents of sectors. Number 0 is a sector of zeros, which is also what a hole reads as.
package final class SectorPool: Sendable {
    private let contents: [UInt8]
    private let hashes: [UInt128]

    /// Contents that are still being collected.
    struct Builder {
        fileprivate var contents = [UInt8](repeating: 0, count: sectorByteCount)
        fileprivate var hashes: [UInt128] = [0]

        /// Takes in what a sector holds now, and returns its number.
        mutating func add(_ bytes: ArraySlice<UInt8>, sector: Int) -> UInt32 {
            contents += bytes
            hashes.append(SectorPool.hash(bytes, sector: sector))
            return UInt32(hashes.count - 1)
        }

        func content(_ id: UInt32) -> ArraySlice<UInt8> { contents[SectorPool.range(id)] }
    }

    init(_ builder: Builder) {
        contents = builder.contents
        hashes = builder.hashes
    }

    /// The hash of a content at its place in the file; files are hashed by the sum of their sectors, so that an image
    /// costs only as much as differs. Zeros count nothing, whether they were written or not.
    @inline(__always)
    func hash(_ id: UInt32) -> UInt128 { hashes[Int(id)] }

    /// The hash of the first bytes of a sector, as if the others were zeros.
    func hash(_ id: UInt32, sector: Int, prefix byteCount: Int) -> UInt128 {
        let zeros = [UInt8](repeating: 0, count: sectorByteCount - byteCount)
        return Self.hash(content(id).prefix(byteCount) + zeros, sector: sector)
    }

    func content(_ id: UInt32) -> ArraySlice<UInt8> { contents[Self.range(id)] }

    /// Calls the closure with the contents of some numbers that follow one another.
    func withContents(
        _ first: UInt32, count: Int, _ body: (UnsafeRawBufferPointer) throws(CrashPointError) -> Void
    ) throws(CrashPointError) {
        let start = Int(first) * sectorByteCount
        let end = start + count * sectorByteCount
        let fault = unsafe contents.withUnsafeBytes { bytes -> CrashPointError? in
            do throws(CrashPointError) {
                try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                return nil
            } catch {
                return error
            }
        }
        if let fault { throw fault }
    }

    private static func range(_ id: UInt32) -> Range<Int> {
        let start = Int(id) * sectorByteCount
        return start..<(start + sectorByteCount)
    }

    private static func hash(_ bytes: ArraySlice<UInt8>, sector: Int) -> UInt128 {
        if bytes.allSatisfy({ $0 == 0 }) { return 0 }
        var input = Array(bytes)
        for shift in 0..<8 { input.append(UInt8(truncatingIfNeeded: sector >> (8 * shift))) }
        return unsafe Digest(ofEncoded: input.span.bytes).value
    }
}
