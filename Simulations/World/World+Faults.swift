// What can go wrong between members.

extension World {
    /// Breaks every connection between two members, losing what is under way, and lets them make no new one.
    package func cut(_ first: String, _ second: String, staysCut: Bool = true) {
        cut(self[first], self[second], staysCut: staysCut)
    }

    package func cut(_ first: Member, _ second: Member, staysCut: Bool) {
        if staysCut {
            change(first, second) { $0.isBlocked = true }
            change(second, first) { $0.isBlocked = true }
        }
        for connection in openConnections(first, second) { sever(connection) }
    }

    package func heal(_ first: String, _ second: String) {
        unblock(self[first], self[second])
        unblock(self[second], self[first])
    }

    package func healAll() {
        let blocked = paths.filter { $0.value.isBlocked }.keys.sorted {
            ($0.source, $0.target) < ($1.source, $1.target)
        }
        paths = [:]
        for key in blocked { release(members[key.source], members[key.target]) }
    }

    /// Lets nothing pass in one direction. Nobody is told: what is sent arrives afterwards, if the connection lasts.
    package func block(_ source: Member, _ target: Member) { change(source, target) { $0.isBlocked = true } }

    package func unblock(_ source: Member, _ target: Member) {
        guard isBlocked(source, target) else { return }
        change(source, target) { $0.isBlocked = false }
        release(source, target)
    }

    /// The directions in which nothing passes, by the numbers of the members.
    package var blockedPaths: [(Int, Int)] {
        paths.filter { $0.value.isBlocked }.keys.map { ($0.source, $0.target) }.sorted { $0 < $1 }
    }

    /// Lets nothing arrive in one direction before a time has passed.
    package func clog(_ source: Member, _ target: Member, for duration: Duration) {
        let until = now + duration.wholeNanoseconds
        change(source, target) { $0.cloggedUntil = max($0.cloggedUntil, until) }
    }

    /// Makes everything in one direction take longer.
    package func slow(_ source: Member, _ target: Member, by latency: Duration) {
        change(source, target) { $0.extraLatency = latency.wholeNanoseconds }
    }

    /// Tears an open connection within the message that crosses a number of bytes from now on.
    package func tear(_ connection: Connection, from end: Int, afterByteCount: Int) {
        connection.ends[end].tornAfterByteCount = afterByteCount
    }

    /// What is under way on connections between two members is lost, and nobody is told.
    package func silence(_ first: String, _ second: String) {
        for connection in openConnections(first, second) { connection.isSilent = true }
    }

    private func change(_ source: Member, _ target: Member, _ body: (inout Path) -> Void) {
        let key = PathKey(source, target)
        var path = paths[key] ?? Path()
        body(&path)
        paths[key] = path.isSound ? nil : path
    }
}
