// The first steps of the way to another member one by one, for those who look for what is wrong.
import OperatingSystem
package import Transport

extension MemberClient {
    /// The addresses that the name of a member's host stands for; nil where there is none to look up here, because a proxy
    /// does it or the member opens the connections.
    package func addresses(of target: MemberTarget) async throws(DialError) -> [String]? {
        guard let dial = dialler.dial(target), dialler.hosts.proxyEndpoint(dial) == nil else { return nil }
        return try await NameLookup.addresses(of: dial.destination.host)
    }

    /// The address at which a connection to a member is taken; nil where the member opens the connections.
    package func knock(_ target: MemberTarget) async throws(DialError) -> String? {
        guard let dial = dialler.dial(target) else { return nil }
        return try await dialler.hosts.knock(dial)
    }
}
