// The storage shim's control file: makes one of the next calls fail.
import Glibc
import Synchronization

/// The mapped control file, whose layout the head of storage-shim.c gives.
@safe final class ShimControl {
    /// Which calls are counted and may fail, as bits of the shim's kinds.
    enum Call: UInt32 {
        case write = 0b100
        case sync = 0b1000
    }

    /// Added to an error: the call is carried out all the same.
    static let carriedOut: Int32 = 1 << 16

    static let byteCount = 4_096

    private let memory: UnsafeMutableRawPointer

    /// The control file of this process; nil where it has none.
    static func inherited() throws(CrashPointError) -> ShimControl? {
        guard let path = unsafe getenv("FASTX_SHIM_CONTROL") else { return nil }
        return try ShimControl(path: unsafe String(cString: path))
    }

    private init(path: String) throws(CrashPointError) {
        let descriptor = try RawFile.open(path, O_RDWR)
        defer { close(descriptor) }
        let mapped = unsafe mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { throw RawFile.error("map", path) }
        unsafe memory = mapped
    }

    deinit { unsafe munmap(memory, Self.byteCount) }

    /// Makes one call fail: that of a number, counted from now on. Error 0 has a write stop half-way.
    func fail(_ call: Call, number: UInt64, error: Int32) {
        disarm()
        unsafe memory.storeBytes(of: call.rawValue, toByteOffset: 28, as: UInt32.self)
        unsafe memory.storeBytes(of: UInt32(error), toByteOffset: 24, as: UInt32.self)
        unsafe memory.storeBytes(of: 1, toByteOffset: 16, as: UInt64.self)
        unsafe memory.storeBytes(of: 0, toByteOffset: 0, as: UInt64.self)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        unsafe memory.storeBytes(of: number, toByteOffset: 8, as: UInt64.self)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Makes no further call fail.
    func disarm() {
        unsafe memory.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        unsafe memory.storeBytes(of: 0, toByteOffset: 28, as: UInt32.self)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
}
