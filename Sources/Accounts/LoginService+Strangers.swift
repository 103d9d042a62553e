// Scripts that run for people who have proved nothing yet: each run counts against an address until a login comes of it.
import Gateway
package import HTTPTypes
package import Hummingbird
import Replica

extension LoginService {
    /// Has a login placed by scripts.
    ///
    /// - Parameter place: Places it, and has it done; an answer other than 200 is no login yet, and 503 is nobody's fault.
    /// - Throws: What `place` throws; and the refusal where too many of the address have come to nothing.
    package nonisolated func placeStranger(
        from address: String, _ place: () async throws -> Response
    ) async throws -> Response {
        if let wait = strangers.begin(from: address, at: .now) {
            throw tooMany("too many logins from your address are under way or came to nothing", wait)
        }
        do {
            let response = try await place()
            strangers.end(from: address, isFailure: Self.isFailure(response.status), at: .now)
            return response
        } catch {
            strangers.end(from: address, isFailure: Self.isFailure((error as? Problem)?.status), at: .now)
            throw error
        }
    }

    /// Where nobody could have logged in just now, it is not the address that has failed.
    private static func isFailure(_ status: HTTPResponse.Status?) -> Bool {
        status != .ok && status != .serviceUnavailable
    }

    /// Notes what the answer to a question of the host has led to: with a login, the placement before it is taken back.
    package nonisolated func noteAnswer(from address: String, _ status: HTTPResponse.Status) {
        if status == .ok { strangers.withdraw(from: address) }
    }

    nonisolated func tooMany(_ what: String, _ wait: Duration) -> Problem {
        let seconds = max(1, Int((wait / .seconds(1)).rounded(.up)))
        var refusal = Problem(
            .tooManyRequests, reason: "too-many-attempts", detail: "\(what); try again in \(seconds) s",
            serverID: serverID)
        refusal.headers[.retryAfter] = String(seconds)
        return refusal
    }
}
