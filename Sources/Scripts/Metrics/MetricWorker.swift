// One worker for metrics: what it is asked, and what its answers mean.
package import JSON
import NIOCore
import NIOPosix
import Placement

/// What came of one call of a metric.
package enum MetricOutcome: Sendable, Equatable {
    /// Its value, which has so many bytes as JSON.
    case value(JSONValue, byteCount: Int)
    /// Why there is none, in one sentence for an administrator.
    case failed(String)

    /// The longest value in bytes of JSON: all metrics of a host go into one server update.
    package static let byteCountMax = 64 << 10
}

/// A process that runs metrics, one after the other.
package protocol MetricWorker: AnyObject, Sendable {
    /// For messages.
    var pid: Int32 { get }
    /// What Node calls itself.
    var nodeVersion: String { get }
    /// Walls that could not be put up, a sentence each.
    var missingWalls: [String] { get }
    /// Whether it may be used again: not after a call without an answer.
    var isUsable: Bool { get async }
    /// Calls a function; returns at the latest when its time is over, and has ended the process then.
    func value(of metric: ScriptSource) async -> MetricOutcome
    /// Ends the process with all that it has started. A call under way returns.
    func end() async
    /// Resumes once the process has ended, for whatever reason.
    func waitForEnd() async
}

extension ScriptWorker: MetricWorker {
    /// Starts one.
    package static func forMetrics(_ limits: ScriptLimits, through way: ScriptGuardWay) async throws -> ScriptWorker {
        let process = try await ScriptProcess.start(
            ScriptPlan(
                kind: .metrics, node: limits.node, memoryMiB: limits.memoryMiB, programs: limits.programs),
            through: way)
        let worker = try await ScriptWorker(process, limits, on: MultiThreadedEventLoopGroup.singleton)
        try await worker.becomeReady()
        return worker
    }

    package func value(of metric: ScriptSource) async -> MetricOutcome {
        let header: [String: JSONValue] = [
            "type": "metric", "name": .string(metric.name), "text": .integer(Int64(metric.text.count)),
        ]
        let (answer, _) = await ask(header, ByteBuffer(bytes: metric.text), within: limits.time) {
            MetricOutcome(reading: $0)
        }
        switch answer {
        case .outcome(let outcome, _): return outcome
        case .none(let why): return .failed(Self.sentence(why))
        }
    }

    private static func sentence(_ why: ScriptFailure) -> String {
        switch why {
        case .tooSlow(let limit): "it took longer than \(limit / 1_000) s, and was ended"
        case .tooLarge(let limit): "it wanted more memory than \(limit) MiB, and was ended"
        case .leftScope: "its answer cannot be believed"
        case .crashed(let what): what
        }
    }
}

extension MetricOutcome {
    /// Nil where a worker does not answer so.
    fileprivate init?(reading frame: WorkerFrame) {
        guard let outcome = frame.header["outcome"] else { return nil }
        switch outcome.text("kind") {
        case "value"?:
            guard outcome.integer("json") == Int64(frame.texts.readableBytes) else { return nil }
            self.init(json: frame.texts)
        case "wrong"?:
            guard let what = outcome.text("what") else { return nil }
            self = .failed("its value cannot be used: \(what)")
        case "error"?:
            guard let error = ScriptError(reading: outcome) else { return nil }
            self = .failed("\(error.message)\(error.place)")
        default: return nil
        }
    }

    private init(json: ByteBuffer) {
        guard json.readableBytes <= Self.byteCountMax else {
            self = .failed(
                "its value cannot be used: \(json.readableBytes) bytes of JSON, of \(Self.byteCountMax) at most"
            )
            return
        }
        do throws(JSONSyntaxError) {
            self = .value(try JSONValue.parse(json.readableBytesView), byteCount: json.readableBytes)
        } catch {
            self = .failed("its value cannot be used: \(error)")
        }
    }
}
