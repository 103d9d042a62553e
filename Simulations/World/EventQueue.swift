// What will happen in the simulated world, in order of time and then of being planned.

/// A binary heap of small records; the events themselves stay where they are.
struct EventQueue {
    private struct Position {
        let time: Int64
        let number: UInt64
        let slot: Int

        @inline(__always)
        func isBefore(_ other: Position) -> Bool {
            time != other.time ? time < other.time : number < other.number
        }
    }

    private var heap: [Position] = []
    private var events: [Event?] = []
    private var freeSlots: [Int] = []
    private var lastNumber: UInt64 = 0

    /// When the next event happens, in nanoseconds of the world's time.
    @inline(__always)
    var nextTime: Int64? { heap.first?.time }

    var count: Int { heap.count }

    mutating func plan(at time: Int64, _ event: Event) {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            events[slot] = event
        } else {
            slot = events.count
            events.append(event)
        }
        lastNumber += 1
        rise(Position(time: time, number: lastNumber, slot: slot))
    }

    mutating func take() -> (time: Int64, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty { sink(last) }
        guard let event = events[first.slot].take() else { return nil }
        freeSlots.append(first.slot)
        return (first.time, event)
    }

    private mutating func rise(_ position: Position) {
        heap.append(position)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard position.isBefore(heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = position
    }

    private mutating func sink(_ position: Position) {
        var parent = 0
        let count = heap.count
        while true {
            var least = 2 * parent + 1
            guard least < count else { break }
            if least + 1 < count, heap[least + 1].isBefore(heap[least]) { least += 1 }
            guard heap[least].isBefore(position) else { break }
            heap[parent] = heap[least]
            parent = least
        }
        heap[parent] = position
    }
}

/// Something that will happen.
enum Event {
    /// What was sent over a connection reaches one end of it.
    case arrive(Connection, end: Int, Parcel)
    /// A member's engine is due; void when it was planned anew since.
    case tick(Member, incarnation: Int, due: Int64)
    /// A member's store has an answer; void when the member was started anew since.
    case answer(Member, incarnation: Int)
    case action(() -> Void)
}
