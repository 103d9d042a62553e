// What of a steward's events waits for a slow reader.
import Sessions
import Testing

@Suite("Events that wait to be read")
struct StewardEventQueueTests {
    @Test("Of one session only the last report waits, in its first place")
    func coalescing() throws {
        var queue = StewardEventQueue()
        var report = try Reports.make(id: "a")
        queue.append(.connected(1))
        queue.append(.session(1, report))
        queue.append(.session(1, try Reports.make(id: "b")))
        report.clients = 5
        queue.append(.session(1, report))
        #expect(queue.popFirst() == .connected(1))
        #expect(queue.popFirst() == .session(1, report))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == nil)
    }

    @Test("After a new connection nothing of the old one is told")
    func reconnection() throws {
        var queue = StewardEventQueue()
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "a")))
        queue.append(.session(2, try Reports.make(id: "c")))
        queue.append(.disconnected(1))
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == .session(2, try Reports.make(id: "c")))
        #expect(queue.popFirst() == .connected(1))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "b")))
        #expect(queue.popFirst() == nil)
    }

    @Test("The last reports of a steward are told before its end")
    func lastReports() throws {
        var queue = StewardEventQueue()
        queue.append(.connected(1))
        queue.append(.session(1, try Reports.make(id: "a")))
        queue.append(.disconnected(1))
        #expect(queue.popFirst() == .session(1, try Reports.make(id: "a")))
        #expect(queue.popFirst() == .disconnected(1))
        #expect(queue.popFirst() == nil)
    }

    @Test("However many changes come, what waits is bounded, and the order is that of the first changes")
    func bounded() throws {
        var queue = StewardEventQueue()
        for round in 0..<1_000 {
            for id in ["a", "b", "c"] {
                var report = try Reports.make(id: id)
                report.clients = round
                queue.append(.session(1, report))
            }
            queue.append(.connected(UInt32(round % 2) + 5))
        }
        var order: [String] = []
        while let event = queue.popFirst() {
            if case .session(_, let report) = event {
                #expect(report.clients == 999)
                order.append(report.id)
            }
        }
        #expect(order == ["a", "b", "c"])
    }
}

/// Reports as they come from a steward.
enum Reports {
    static func make(id: String) throws -> SessionReport {
        let json = """
            {"id":"\(id)","name":"n","command":"c","geometry":"800x600","params":{},"state":"running","started":1,
            "clients":0,"memoryBytes":0,"cpuPercent":0,"forgotten":false}
            """
        return try MessageCoding.decode(SessionReport.self, Array(json.utf8))
    }
}
