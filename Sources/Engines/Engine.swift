// What all engines have in common: inputs are methods, what comes of them is a list of effects, time is handed in.

/// A protocol as a value. It does no I/O and reads no clock: whoever owns it performs its effects, and tells it the time.
package protocol Engine: ~Copyable {
    /// Something that the owner has to do.
    associatedtype Effect
    /// How the time of an input is told.
    associatedtype Time

    /// Hands over the effects that the inputs since the last call asked for, in order, and takes the array given, which
    /// is empty, for the next ones: neither is allocated anew.
    mutating func takeEffects(_ taken: inout [Effect])

    /// When `tick` has to be called next, or earlier: a tick too early does nothing. Nil where nothing is waited for.
    /// It is asked after every input, so it must not have to be searched for.
    var nextDeadline: Duration? { mutating get }

    /// Time has passed.
    mutating func tick(at now: Time)
}

extension Engine where Self: ~Copyable {
    /// The effects since they were taken last, for owners to whom an array more does not matter.
    package mutating func takeEffects() -> [Effect] {
        var taken: [Effect] = []
        takeEffects(&taken)
        return taken
    }
}
