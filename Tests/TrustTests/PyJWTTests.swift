// The cross-check with an independent implementation: PyJWT reads our tokens and we read PyJWT's.
import Foundation
import TestSupport
import Testing
import Trust

@Suite("PyJWT")
struct PyJWTTests {
    private struct Answer: Decodable {
        let claims: [String: String]
        let token: String
    }

    /// Hands the script a secret, a token of ours and the time on its standard input, and returns its answer.
    private func ask(secret: Secret, token: String) throws -> Answer {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let root = folder.deletingLastPathComponent().deletingLastPathComponent()
        let interpreter = root.appendingPathComponent(".venv/bin/python").path
        let script = folder.appendingPathComponent("pyjwt_check.py").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let hasOwn = FileManager.default.isExecutableFile(atPath: interpreter)
        process.arguments = [hasOwn ? interpreter : "python3", script]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let question = [secret.encodedText(), token, "\(testNow)"].joined(separator: "\n") + "\n"
        input.fileHandleForWriting.write(Data(question.utf8))
        try input.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "pyjwt_check.py failed; PyJWT is needed: pip install pyjwt")
        return try JSONDecoder().decode(Answer.self, from: answer)
    }

    @Test("PyJWT verifies our token, and its own token is accepted")
    func bothWays() throws {
        let key = try ClusterKey(secret: Secret((0..<77).map { UInt8($0 &* 3) }), scope: .full)
        let ours = try MemberToken.issue(
            key: key, issuer: "host-1", binding: testBinding, nowSeconds: testNow, tokenID: makeTokenID())
        let answer = try ask(secret: key.secret, token: ours)
        #expect(answer.claims["iss"] == "host-1")
        #expect(answer.claims["pth"] == "/api/x?y=1")
        #expect(answer.claims["exp"] == "\(testNow + 60)")
        #expect(answer.claims["jti"] == base64URL(makeTokenID()))
        var receiver = try Receiver(key)
        let member = try receiver.accept([answer.token])
        #expect(member == VerifiedMember(serverID: "python-1", keyID: key.id, scope: .full))
    }
}
