// The kinds of fault that a simulation can inject, each with what it does.

/// One kind of fault.
package enum FaultKind: String, CaseIterable, Sendable, Codable {
    // The network
    case delay, clog, loss, silentLoss, duplication, reordering, tear
    case oneWayPartition, partition, onlyAccessPoints, reconnectAll
    // The disk
    case slowStore, storeError, rollback, missedChanges
    // The process
    case restart, away, pause, clone
    // Clocks
    case clockOffset, clockStepBack, clockYears
    // Trust and versions
    case keyRotation, intruder, laterVersion

    /// What happens, for people.
    package var meaning: String {
        switch self {
        case .delay: "everything in one direction between two members takes up to 0.8 s longer"
        case .clog: "nothing arrives in one direction for up to 12 s, then everything at once"
        case .loss: "a connection is reset, and what was under way on it is lost"
        case .silentLoss: "a connection is dead and nobody is told"
        case .duplication: "live changes arrive twice"
        case .reordering: "live changes arrive after what was sent later"
        case .tear: "a connection is torn within a message, at any byte"
        case .oneWayPartition: "nothing passes in one direction between two members for up to 40 s"
        case .partition: "nothing passes between two groups of members for up to 40 s"
        case .onlyAccessPoints: "members reach nobody but a few access points for up to 40 s"
        case .reconnectAll: "every connection of the cluster is reset at once"
        case .slowStore: "a store takes up to 0.5 s for each thing asked of it"
        case .storeError: "a store gives errors for reading and writing for up to 15 s"
        case .rollback: "a member starts with an old copy of its data directory"
        case .missedChanges: "a store's feed of changes overflows"
        case .restart: "a process is killed, and started again within 10 s"
        case .away: "a process is killed, and started again after a third or more of the rest of the run"
        case .pause: "a process is stopped for up to 60 s and goes on as if nothing had been"
        case .clone: "a copy of a member's host runs beside it"
        case .clockOffset: "a clock is off by 1 to 10 minutes either way, for a while"
        case .clockStepBack: "a clock is set back by up to 50 s, again and again"
        case .clockYears: "a clock is ten years ahead for a while"
        case .keyRotation: "a new cluster key is added member by member, then the old one is removed"
        case .intruder: "somebody without the key dials members and sits between them"
        case .laterVersion: "a member of a later version adds fields and messages that nobody knows"
        }
    }
}
