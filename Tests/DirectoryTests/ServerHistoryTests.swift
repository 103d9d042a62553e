// The last hour of members' numbers.
import Directory
import JSON
import Replica
import TestSupport
import Testing

@Suite("Histories of servers")
struct ServerHistoryTests {
    private let began = ContinuousClock.now

    private func update(_ id: ServerID = "a", load: Double, _ fields: [String: JSONValue] = [:]) throws -> ServerUpdate
    {
        let usual: [String: JSONValue] = ["loadavg": [.number(load), 0, 0], "freemem": 4_096]
        return try #require(ServerUpdate(.object(usual.merging(fields) { $1 }), of: id))
    }

    private func points(_ document: JSONValue?, _ name: String) -> [Double?]? {
        guard case .array(let points)? = document?[name] else { return nil }
        return points.map(\.double)
    }

    @Test("A point every 30 s, of which the last word counts; what was not heard is empty")
    func steps() throws {
        let history = ServerHistory(began: began)
        history.take(try update(load: 1), at: began + .seconds(31))
        history.take(try update(load: 2), at: began + .seconds(59))
        history.take(try update(load: 3), at: began + .seconds(125))
        let document = history.document(
            of: "a", withMetrics: true, at: began + .seconds(130), wallTime: WallTime(milliseconds: 1_000_000))
        #expect(
            points(document, "load") == [2, nil, nil, 3] && points(document, "freemem") == [4_096, nil, nil, 4_096])
        // The first step began 100 s ago.
        #expect(document?.text("from") == WallTime(milliseconds: 900_000).text)
        #expect(document?.integer("stepSeconds") == 30 && document?["metrics"] == [:])
    }

    @Test("An hour is kept, and then nothing of a member that is silent")
    func hour() throws {
        let history = ServerHistory(began: began)
        for step in 0..<500 { history.take(try update(load: Double(step)), at: began + .seconds(30 * step)) }
        let last = began + .seconds(30 * 499)
        let load = try #require(points(history.document(of: "a", withMetrics: false, at: last), "load"))
        #expect(load.count == ServerHistory.pointCountMax && load.first == 380 && load.last == 499)
        #expect(points(history.document(of: "a", withMetrics: false, at: last + .seconds(3_570)), "load")?.first == 499)
        #expect(history.document(of: "a", withMetrics: false, at: last + .seconds(3_600)) == nil)
        #expect(history.document(of: "b", withMetrics: false, at: last) == nil)
    }

    @Test("Metrics that are numbers have a series each, up to a limit; administrators alone are shown them")
    func metrics() throws {
        let history = ServerHistory(began: began)
        let metrics = Dictionary(uniqueKeysWithValues: (100..<200).map { ("m\($0)", JSONValue.integer($0)) })
        let other: [String: JSONValue] = ["a": "text", "b": 0.5, "c": ["d": 1]]
        let all = JSONValue.object(metrics.merging(other) { $1 })
        history.take(try update(load: 1, ["metrics": all]), at: began)
        let document = try #require(history.document(of: "a", withMetrics: true, at: began))
        guard case .object(let series)? = document["metrics"] else { throw Failure.noMetrics }
        #expect(series.count == ServerHistory.seriesCountMax - 2)
        #expect(points(document["metrics"], "b") == [0.5] && series["m100"] != nil && series["a"] == nil)
        #expect(history.document(of: "a", withMetrics: false, at: began)?["metrics"] == nil)
        // Series without a point for an hour make room for others.
        history.take(try update(load: 1, ["metrics": ["new": 1]]), at: began + .seconds(3_600))
        let later = history.document(of: "a", withMetrics: true, at: began + .seconds(3_600))
        #expect(points(later?["metrics"], "new")?.last == 1)
    }

    private enum Failure: Error { case noMetrics }

    @Test("The last words of an agent that stops are no point, and of members there is a limit")
    func others() throws {
        let history = ServerHistory(began: began)
        history.take(try update(load: 1, ["state": "stopped"]), at: began)
        #expect(history.document(of: "a", withMetrics: false, at: began) == nil)
        for number in 0...ServerHistory.serverCountMax {
            let id = try #require(ServerID("m\(number)"))
            history.take(try update(id, load: 1), at: began + .seconds(number * 30))
        }
        let now = began + .seconds(ServerHistory.serverCountMax * 30)
        #expect(history.document(of: "m1000", withMetrics: false, at: now) != nil)
        #expect(history.document(of: "m0", withMetrics: false, at: began) == nil)
    }
}
