// One attempt to log in: its questions, its answers, its end.
import Glibc
import OperatingSystem
import Synchronization

/// What an attempt comes to, or asks on its way.
package enum SSHOutcome: Hashable, Sendable {
    /// A question to answer by `SSHAttempt.answer`. ssh does not tell its helper whether an answer may be shown, so
    /// `echo` is false.
    case prompt(String, echo: Bool)
    /// The user is who he says, and his steward is connected. With what the program printed.
    case succeeded(output: String)
    /// The attempt has come to nothing.
    case failed(SSHFailure)
}

/// Why an attempt failed.
package enum SSHFailure: Hashable, Sendable {
    /// A wrong name, a wrong password or a wrong other answer: the host does not tell which.
    case wrongCredentials
    /// The host showed a key that is not in the file.
    case hostKeyMismatch
    /// sshd was not reached, or ended the connection; the text is ssh's last lines.
    case unreachable(String)
    /// The user was accepted, but his steward did not start.
    case stewardFailed(String)
    /// The attempt took longer than `SSHLogin.Options.attemptTimeMax`.
    case timedOut
    /// The attempt was called off.
    case cancelled
}

/// An attempt under way. For one reader.
package final class SSHAttempt: Sendable {
    private struct State {
        var firstAnswer: TypedSecret?
        /// Whether a question was answered already.
        var hasAnswered = false
        var question: SSHOutcome?
        var answer: CheckedContinuation<TypedSecret?, Never>?
        var end: SSHOutcome?
        var reader: CheckedContinuation<SSHOutcome, Never>?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let state: Mutex<State>
    private let log: SessionsLog

    init(firstAnswer: TypedSecret?, log: @escaping SessionsLog) {
        state = Mutex(State(firstAnswer: firstAnswer))
        self.log = log
    }

    func start(_ body: @escaping @Sendable () async -> SSHOutcome) {
        let task = Task { self.finish(await body()) }
        state.withLock { $0.task = task }
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var hasUsableAnswer: Bool { state.withLock { $0.firstAnswer?.isOneLine ?? true } }

    /// The next question, or the end; after the end it is told again and again.
    package func next() async -> SSHOutcome {
        await withCheckedContinuation { continuation in
            let (ready, previous) = state.withLock { state in
                let ready = state.question ?? state.end
                state.question = nil
                let previous = state.reader
                state.reader = ready == nil ? continuation : nil
                return (ready, previous)
            }
            previous?.resume(returning: .failed(.cancelled))
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// Answers the last question. The secret is wiped once it was handed over.
    package func answer(_ secret: TypedSecret) {
        let waiter = state.withLock { state in
            defer { state.answer = nil }
            return state.answer
        }
        waiter?.resume(returning: secret)
    }

    /// Ends the attempt: ssh is killed and reaped.
    package func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    private func finish(_ outcome: SSHOutcome) {
        let (reader, answer) = state.withLock { state in
            state.firstAnswer?.wipe()
            state.firstAnswer = nil
            state.question = nil
            state.end = outcome
            defer {
                state.reader = nil
                state.answer = nil
            }
            return (state.reader, state.answer)
        }
        answer?.resume(returning: nil)
        reader?.resume(returning: outcome)
    }
}

extension SSHAttempt {
    /// Answers ssh's helper, one question after the other, until the task is cancelled.
    func serve(_ listener: PacketListener) async {
        do throws(SystemError) {
            while let socket = try await listener.accept() {
                guard socket.peer.uid == geteuid() else {
                    log(.warning, "a process of user \(socket.peer.uid) asked for a password and was refused")
                    continue
                }
                guard let packet = try await socket.receive() else { continue }
                let question = try MessageCoding.decode(AskpassQuestion.self, packet.bytes)
                let secret = await secret(for: question)
                defer { secret?.wipe() }
                if let secret, secret.isOneLine {
                    try secret.withBytes(after: AskpassAnswer.given) { bytes throws(SystemError) in
                        try socket.send(bytes)
                    }
                } else {
                    try socket.send([AskpassAnswer.refused])
                }
            }
        } catch {
            log(.warning, "ssh's helper could not be answered: \(error)")
        }
    }

    private func secret(for question: AskpassQuestion) async -> TypedSecret? {
        // A question for a yes or no: there is none that should be answered so.
        guard question.kind.isEmpty else { return nil }
        let isForPassword = question.prompt.lowercased().contains("password")
        // ssh's own question, of the method "password", which it tries after "keyboard-interactive" has failed.
        let isSecondMethod = question.prompt.hasSuffix(Self.ownQuestionEnd)
        let (first, isRepeated) = state.withLock { state -> (TypedSecret?, Bool) in
            if isSecondMethod, state.hasAnswered { return (nil, true) }
            guard isForPassword, let first = state.firstAnswer else { return (nil, false) }
            state.firstAnswer = nil
            state.hasAnswered = true
            return (first, false)
        }
        if first != nil || isRepeated { return first }
        return await ask(.prompt(Self.shown(question.prompt), echo: false))
    }

    private func ask(_ question: SSHOutcome) async -> TypedSecret? {
        await withCheckedContinuation { continuation in
            let (reader, isOver) = state.withLock { state -> (CheckedContinuation<SSHOutcome, Never>?, Bool) in
                guard state.end == nil, !state.isCancelled else { return (nil, true) }
                state.hasAnswered = true
                state.answer = continuation
                state.question = state.reader == nil ? question : nil
                defer { state.reader = nil }
                return (state.reader, false)
            }
            if isOver { continuation.resume(returning: nil) }
            reader?.resume(returning: question)
        }
    }

    /// How ssh's own question ends, of the method "password"; before it are names of user and host.
    private static let ownQuestionEnd = "'s password: "

    /// Without the "(user@host)" that ssh puts before other programs' questions, and the names in its own.
    static func shown(_ prompt: String) -> String {
        if prompt.hasSuffix(ownQuestionEnd) { return "Password: " }
        guard prompt.hasPrefix("("), let end = prompt.firstIndex(of: ")") else { return prompt }
        return String(prompt[prompt.index(after: end)...].drop { $0 == " " })
    }
}
