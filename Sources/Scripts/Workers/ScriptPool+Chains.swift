// Runs chains of scripts in the workers.
package import Placement

extension ScriptPool {
    /// Runs a chain to its end.
    ///
    /// - Parameters:
    ///   - sources: The scripts by their names; one that the chain names and that is not among them ends the run.
    ///   - question: What is asked, of the same candidates.
    ///   - isStranger: Whether it is for somebody who has proved nothing.
    package func run(
        _ chain: [String], _ sources: [String: ScriptSource], _ question: ChainQuestion, _ candidates: Candidates,
        isStranger: Bool = false
    ) async -> ChainRun {
        remember(question.servers)
        do throws(NoWorker) {
            return try await withWorker(isStranger: isStranger) { worker in
                var run = ChainRun(chain, candidates)
                await worker.begin(question)
                while case .ask(let name) = run.step {
                    if let source = sources[name] {
                        run.take(await worker.call(source, question))
                    } else {
                        run.takeUnknown()
                    }
                }
                return run
            }
        } catch {
            var run = ChainRun(chain, candidates)
            switch error {
            case .busy: run.give(up: .busy)
            case .stopping: run.give(up: .stopping)
            case .cannotStart(let why): run.give(up: .noScripts(why))
            }
            return run
        }
    }
}
