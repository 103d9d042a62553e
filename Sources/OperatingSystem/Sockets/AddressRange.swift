// IP addresses and ranges of them, as configurations name them.

#if canImport(Glibc)
    private import Glibc
#else
    private import Musl
#endif

/// An IP address, or a range of addresses in CIDR notation.
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    package let description: String

    private let network: [UInt8]
    private let prefixBitCount: Int

    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::7` or `2001:db8::/32`. Bits after the prefix must be 0, unless they
    /// are to be cut off.
    package init?(_ text: String, cuttingOff: Bool = false) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let network = Self.addressBytes(String(parts[0])) else { return nil }
        var prefixBitCount = network.count * 8
        if parts.count == 2 {
            guard let written = HostAndPort.port(String(parts[1]), in: 0...prefixBitCount) else { return nil }
            // An IPv4 address in IPv6 notation was made 4 bytes; a prefix for it would count other bits.
            guard network.count == 16 || !parts[0].contains(":") else { return nil }
            prefixBitCount = written
        }
        self.description = text
        self.network = Self.masked(network, to: prefixBitCount)
        self.prefixBitCount = prefixBitCount
        guard cuttingOff || self.network == network else { return nil }
    }

    /// Whether an address is in the range. An IPv4 address may be written in IPv6 notation, as sockets do.
    package func contains(_ address: String) -> Bool {
        guard let bytes = Self.addressBytes(address), bytes.count == network.count else { return false }
        return Self.masked(bytes, to: prefixBitCount) == network
    }

    /// The 4 or 16 bytes of an address; `::ffff:192.0.2.7` gives 4. Nil for any other text.
    package static func addressBytes(_ text: String) -> [UInt8]? {
        let isIPv6 = text.contains(":")
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        let status = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, buffer.baseAddress)
        }
        guard status == 1 else { return nil }
        let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        return isIPv6 && bytes.starts(with: mappedPrefix) ? Array(bytes.suffix(4)) : bytes
    }

    private static func masked(_ bytes: [UInt8], to bitCount: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, bitCount - index * 8))
            return kept == 8 ? byte : byte & ~(0xFF >> UInt8(kept))
        }
    }
}

extension AddressRange {
    private static let loopback = ["127.0.0.0/8", "::1/128"].compactMap { AddressRange($0) }

    /// Whether a host is an address of this very host.
    package static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || loopback.contains { $0.contains(host) }
    }
}
