// Drives an engine: effects are performed to the end and in order, then one timer is set for the next deadline.

/// The one timer of an engine.
package protocol EngineTimer {
    /// Sets the timer for another time than before, or for none. When it is over, the owner has to call `Driver.tick`.
    mutating func set(_ deadline: Duration?)
}

/// An engine with its timer. The owner is an actor, a lock or a thread: a driver itself does not say who may call it.
///
/// After an input the owner performs the effects like this:
///
///     guard driver.begin() else { return }
///     var effects: [Effect] = []
///     while driver.next(&effects) {
///         for effect in effects { perform(effect) }
///     }
///
/// What an effect leads to may be an input again, also of another thread where the owner is a lock that is free while
/// effects are performed. Its effects come after those that are there: `begin` is false then, and whoever performs
/// already performs them too.
package struct Driver<Value: Engine & ~Copyable, Timer: EngineTimer>: ~Copyable {
    /// Inputs are its methods.
    package var engine: Value
    /// What the timer is set for.
    package private(set) var due: Duration?
    private var timer: Timer
    private var isPerforming = false

    /// Takes an engine over. No timer is set before effects have been performed for the first time.
    package init(_ engine: consuming Value, timer: Timer) {
        self.engine = engine
        self.timer = timer
    }

    /// Whether the caller has to perform the effects now. If so, it has to ask for the next ones until there are none.
    package mutating func begin() -> Bool {
        if isPerforming { return false }
        isPerforming = true
        return true
    }

    /// Puts the effects that are to be performed next, in this order, in the place of those in the array.
    ///
    /// - Returns: false when there are none. The timer is set then, and another caller may begin.
    package mutating func next(_ effects: inout [Value.Effect]) -> Bool {
        effects.removeAll(keepingCapacity: true)
        engine.takeEffects(&effects)
        if !effects.isEmpty { return true }
        isPerforming = false
        setTimer()
        return false
    }

    /// The time for which the timer was set has come. The effects have to be performed then, which sets it anew.
    package mutating func tick(at now: Value.Time) {
        due = nil
        engine.tick(at: now)
    }

    /// A deadline that moves away leaves the timer as it is: it comes too early then, which costs less than setting it
    /// anew at every input.
    private mutating func setTimer() {
        let deadline = engine.nextDeadline
        if let due, let deadline, due <= deadline { return }
        if due == nil, deadline == nil { return }
        due = deadline
        timer.set(deadline)
    }
}

extension Driver: Sendable where Value: Sendable & ~Copyable, Timer: Sendable {}
