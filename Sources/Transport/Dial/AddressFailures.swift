// What was wrong at each address of a host, in one line for people.
import NIOCore
import NIOPosix

extension NIOConnectionError {
    /// Each reason once, with the addresses where it was the same; nil where there was no address to try.
    ///
    /// The addresses are in the order of their text, so that the line stays the same while nothing changes.
    ///
    /// - Parameter tellsAll: Whether addresses are told also where it was the same at all of them.
    func explained(tellsAll: Bool = true, by explain: (any Error) -> String) -> String? {
        var places: [(reason: String, addresses: [String])] = []
        let failures = connectionErrors.map { failure in
            (address: failure.target.ipAddress ?? "\(failure.target)", reason: explain(failure.error))
        }
        for failure in failures.sorted(by: { $0.address < $1.address }) {
            if let index = places.firstIndex(where: { $0.reason == failure.reason }) {
                if places[index].addresses.last != failure.address { places[index].addresses.append(failure.address) }
            } else {
                places.append((failure.reason, [failure.address]))
            }
        }
        guard !places.isEmpty else { return nil }
        // An address that was asked for is not told again.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let isShort = isAddress || (!tellsAll && places.count == 1)
        return places.map { place in
            isShort ? place.reason : "\(place.reason) (\(place.addresses.joined(separator: ", ")))"
        }.joined(separator: "; ")
    }
}
