// A connection as those see it who speak on it, whichever way its bytes go.

/// Bytes both ways, in order, until it closes.
final class Channel {
    var onBytes: ([UInt8]) -> Void = { _ in }
    var onClosed: () -> Void = {}
    /// Sends bytes; set by whatever carries them.
    var carrySend: ([UInt8]) -> Void = { _ in }
    /// Closes it from this side.
    var carryClose: () -> Void = {}
    private(set) var isClosed = false

    func send(_ bytes: [UInt8]) {
        if !isClosed { carrySend(bytes) }
    }

    func close() {
        guard !isClosed else { return }
        let close = carryClose
        end()
        close()
    }

    func received(_ bytes: [UInt8]) {
        if !isClosed { onBytes(bytes) }
    }

    /// It was closed by the other side, or broke.
    func ended() {
        guard !isClosed else { return }
        let closed = onClosed
        end()
        closed()
    }

    /// It is closed here, and whoever uses it is told as well.
    func cutOff() {
        guard !isClosed else { return }
        let close = carryClose
        ended()
        close()
    }

    private func end() {
        isClosed = true
        onBytes = { _ in }
        onClosed = {}
        carrySend = { _ in }
        carryClose = {}
    }

    /// One end of a connection that a member has opened.
    static func over(_ pipe: Pipe, end: Int) -> Channel {
        let channel = Channel()
        channel.carrySend = { pipe.send($0, from: end) }
        channel.carryClose = { pipe.close(from: end) }
        pipe.ends[end].onBytes = { channel.received($0) }
        pipe.ends[end].onClosed = { channel.ended() }
        return channel
    }
}
