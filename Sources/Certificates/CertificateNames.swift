// The names that go into a certificate, checked before OpenSSL sees them.
import Glibc

/// The names of a certificate, known to be well-formed, so that none can smuggle another name in through OpenSSL's
/// comma-separated notation.
package struct CertificateNames: Equatable, Sendable {
    /// The subject's common name: 1 to 64 characters, none of them a control character.
    package let commonName: String
    /// As they were given, each once; `*` only as the whole first label. Empty only where there are addresses.
    package let dnsNames: [String]
    /// As `inet_ntop` writes them.
    package let addresses: [String]

    /// Doubles are dropped; the order is kept.
    package init(commonName: String, dnsNames: [String], addresses: [String]) throws(CertificateError) {
        guard (1...64).contains(commonName.unicodeScalars.count),
            commonName.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { throw .commonName(commonName) }
        var names: [String] = []
        for name in dnsNames {
            guard Self.isDNSName(name) else { throw .dnsName(name) }
            if !names.contains(name) { names.append(name) }
        }
        var parsed: [String] = []
        for address in addresses {
            guard let bytes = Self.bytes(ofAddress: address), let text = Self.text(ofAddress: bytes) else {
                throw .address(address)
            }
            if !parsed.contains(text) { parsed.append(text) }
        }
        guard !names.isEmpty || !parsed.isEmpty else { throw .noNames }
        self.commonName = commonName
        self.dnsNames = names
        self.addresses = parsed
    }

    /// OpenSSL's notation for a subjectAltName extension.
    package var extensionText: String {
        (dnsNames.map { "DNS:" + $0 } + addresses.map { "IP:" + $0 }).joined(separator: ",")
    }

    /// Letters, digits, `-` and `_` in labels of 1 to 63 bytes, 253 bytes in all; `*` only as the whole first label.
    package static func isDNSName(_ name: String) -> Bool {
        guard name.utf8.count <= 253 else { return false }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for (index, label) in labels.enumerated() {
            if index == 0, labels.count > 1, label.elementsEqual("*".utf8) { continue }
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-")
            else { return false }
            let wellFormed = label.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard wellFormed else { return false }
        }
        return true
    }

    /// The 4 or 16 bytes of an address; `nil` when the text is none.
    package static func bytes(ofAddress text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
        if unsafe inet_pton(AF_INET6, text, &bytes) == 1 { return bytes }
        return nil
    }

    /// The canonical text of an address of 4 or 16 bytes; `nil` for another count.
    package static func text(ofAddress bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let start = buffer.baseAddress,
                unsafe inet_ntop(family, bytes, start, socklen_t(INET6_ADDRSTRLEN)) != nil
            else { return nil }
            return unsafe String(cString: start)
        }
    }
}
