// What a steward could not do, as an answer over HTTP.
import Gateway
import HTTPTypes
import Replica
import Sessions

enum StewardProblem {
    static func make(_ error: StewardError, _ serverID: ServerID) -> Problem {
        Problem(status(error.word), reason: error.word.rawValue, detail: error.sentence, serverID: serverID)
    }

    private static func status(_ word: StewardError.Word) -> HTTPResponse.Status {
        switch word {
        case .noSuchSession: .notFound
        case .badCommand, .badName, .badGeometry, .badParameter, .badWindowManager: .unprocessableContent
        case .notRunning, .stillRunning, .notConnected: .conflict
        case .limitReached, .busy: .tooManyRequests
        case .refused: .forbidden
        case .displayFailed, .timedOut, .cancelled, .version, .badMessage, .system: .serviceUnavailable
        }
    }
}
