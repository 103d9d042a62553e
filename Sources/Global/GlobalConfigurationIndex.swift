// The cluster's configuration as this member has it: follows the map, and keeps the last good value of each name.
package import Logging
package import MemberConfiguration
package import OperatingSystem
package import Replica
package import Store
import Synchronization

/// A value in the map that cannot be used, or not as it is.
package struct GlobalMistake: Sendable, Equatable {
    /// Of the value: `config/scripts/Needs GPU`.
    package let key: Key
    /// Of the entry in the map; its origin tells who wrote it, its clock when.
    package let version: Version
    /// What is wrong with it, a line each.
    package let lines: [String]
    /// What counts instead.
    package let used: Used

    /// What a member goes by as long as the mistake is there.
    package enum Used: Sendable, Equatable {
        /// The value of the map all the same: only what it refers to is missing.
        case itself
        /// The last value that had no mistake.
        case lastGood
        /// Nothing: this member has seen no good value.
        case nothing
    }
}

/// The cluster's configuration at one moment.
package struct GlobalState: Sendable, Equatable {
    /// What counts.
    package var configuration = GlobalConfiguration()
    /// What in the map has a mistake, in the order of the keys.
    package var mistakes: [GlobalMistake] = []
}

/// Holds what the map says of the cluster's configuration.
///
/// What arrives from other members is never refused for its content: a value with a mistake stays in the map and is
/// named, and the last good one counts, also after a restart.
package actor GlobalConfigurationIndex {
    /// What is known of one key.
    private struct Slot {
        /// Of the entry in the map.
        var version: Version
        /// The last bytes without a mistake.
        var good: [UInt8]?
        var value: GlobalValue?
        var lines: [String] = []
    }

    /// The names of the scripts that are shipped with the program.
    package nonisolated let predefined: Set<String>
    private nonisolated let store: Store
    private nonisolated let held = Mutex(GlobalState())
    /// Tells of every change, of the mistakes too, in the order in which they were found.
    package nonisolated let changes = Observers<GlobalState>()

    private var slots: [Key: Slot] = [:]
    /// The last good values on disk that still stand for something.
    private var saved: [Key: [UInt8]] = [:]
    /// Those on disk whose values were removed.
    private var stale: Set<Key> = []
    private var isLoaded = false

    private static let savedPrefix = Array("last-good/".utf8)
    private static let mapPrefix = Array(GlobalName.keyPrefix.utf8)

    /// It holds the defaults until `load`.
    package init(store: Store, predefined: Set<String> = []) {
        self.store = store
        self.predefined = predefined
    }

    /// The configuration that counts now.
    package nonisolated var current: GlobalConfiguration { held.withLock { $0.configuration } }

    /// What in the map has a mistake now, in the order of the keys.
    package nonisolated var mistakes: [GlobalMistake] { held.withLock { $0.mistakes } }

    /// Reads the map, and the last good values that an earlier process kept.
    package func load() throws(StoreError) {
        for (key, value) in try store.scanLocal(prefix: Self.savedPrefix) {
            saved[Key(checked: Array(key.dropFirst(Self.savedPrefix.count)))] = value
        }
        try scan()
        isLoaded = true
    }

    /// Follows the map until the store is closed.
    ///
    /// - Parameter bufferedByteCountMax: How much of what changes may wait; beyond it the map is read anew.
    package func run(_ logger: Logger, bufferedByteCountMax: Int = ChangeFeed.bufferedByteCountMax) async {
        let feed = store.subscribe(bufferedByteCountMax: bufferedByteCountMax)
        await attempt(logger) { () throws(StoreError) in if isLoaded { try scan() } else { try load() } }
        for await event in feed {
            await attempt(logger) { () throws(StoreError) in
                switch event {
                case .rescan: try scan()
                case .commit(let commit): try refresh(Self.keys(of: commit))
                }
            }
        }
    }

    /// Takes over what the map has under some keys by now.
    ///
    /// The map is asked, and not what a feed tells of it, so that an older change that is heard of later than a newer one
    /// does no harm.
    func refresh(_ keys: [Key]) throws(StoreError) {
        if keys.isEmpty { return }
        let entries = try store.read { snapshot throws(StoreError) in
            var entries: [(Key, Entry?)] = []
            for key in keys { entries.append((key, try snapshot.get(key))) }
            return entries
        }
        for (key, entry) in entries { take(key, entry.map { ($0.version, $0.value) }) }
        assemble()
    }

    private static func keys(of commit: Commit) -> [Key] {
        var keys: [Key] = []
        for group in commit.groups {
            group.entries.forEach { (_, key, _, _) in
                guard key.byteCount > mapPrefix.count,
                    mapPrefix.indices.allSatisfy({ key.byte(at: $0) == mapPrefix[$0] })
                else { return }
                keys.append(Key(checked: key.copy()))
            }
        }
        return keys
    }

    private func scan() throws(StoreError) {
        let found = try store.read { snapshot throws(StoreError) in
            var found: [Key: (Version, [UInt8])] = [:]
            try snapshot.forEach(prefix: Self.mapPrefix) { (header, _, key, value) throws(StoreError) in
                found[Key(checked: key.copy())] = (header.version, value.copy())
                return true
            }
            return found
        }
        // What went while changes were missed, or while the agent was stopped, is not in the map to be read.
        for key in Set(slots.keys).union(saved.keys) where found[key] == nil { take(key, nil) }
        for (key, entry) in found { take(key, entry) }
        assemble()
    }

    private func take(_ key: Key, _ entry: (version: Version, bytes: [UInt8])?) {
        guard let entry else {
            if saved.removeValue(forKey: key) != nil { stale.insert(key) }
            return slots[key] = nil
        }
        var slot = slots[key] ?? Slot(version: entry.version, good: saved[key])
        slot.version = entry.version
        slot.lines = []
        switch GlobalName.read(key.description) {
        case .unknown: return
        case .mistake(let errors): slot.lines = errors.lines
        case .name(let name):
            do {
                slot.value = try parse(entry.bytes, of: name)
                slot.good = entry.bytes
            } catch {
                slot.lines = error.lines
                // What was good for the version before may not be good for this one.
                if slot.value == nil { slot.value = slot.good.flatMap { try? parse($0, of: name) } }
            }
        }
        slots[key] = slot
    }

    private func parse(_ bytes: [UInt8], of name: GlobalName) throws(ConfigurationErrors) -> GlobalValue {
        if case .script(let script) = name, predefined.contains(script) { throw .predefined(name) }
        return try GlobalValue.parse(bytes, of: name)
    }

    /// Puts the values together, and tells where that changes anything.
    private func assemble() {
        var configuration = GlobalConfiguration()
        var mistakes: [GlobalMistake] = []
        for (key, slot) in slots.sorted(by: { $0.key < $1.key }) {
            var lines = slot.lines
            if case .name(let name) = GlobalName.read(key.description), let value = slot.value {
                // Names that are equal as text are one name to whoever looks for it; the first one has it.
                if name != .placement, configuration[name] != nil {
                    lines += ConfigurationErrors.twin(name).lines
                    mistakes.append(GlobalMistake(key: key, version: slot.version, lines: lines, used: .nothing))
                    continue
                }
                configuration[name] = value
            }
            guard !lines.isEmpty else { continue }
            mistakes.append(
                GlobalMistake(
                    key: key, version: slot.version, lines: lines, used: slot.value == nil ? .nothing : .lastGood))
        }
        let placement = GlobalName.placement.key
        if let missing = configuration.missingScripts(predefined: predefined), let slot = slots[placement] {
            mistakes.append(
                GlobalMistake(key: placement, version: slot.version, lines: missing.lines, used: .itself))
            mistakes.sort { $0.key < $1.key }
        }
        let state = GlobalState(configuration: configuration, mistakes: mistakes)
        let isNew = held.withLock { held in
            defer { held = state }
            return held != state
        }
        if isNew { changes.tell(state) }
    }

    // MARK: The last good values

    private func attempt(_ logger: Logger, _ body: () throws(StoreError) -> Void) async {
        let known = Set(mistakes.map { [$0.key.description] + $0.lines })
        do throws(StoreError) {
            try body()
            try await save()
        } catch {
            logger.error("the configuration of the cluster cannot be read or kept: \(error)")
        }
        for mistake in mistakes where !known.contains([mistake.key.description] + mistake.lines) {
            for line in mistake.lines { logger.error("configuration of the cluster: \(line); \(mistake.used)") }
        }
    }

    private func save() async throws(StoreError) {
        for (key, slot) in slots {
            guard let good = slot.good, saved[key] != good else { continue }
            try await store.putLocal(Self.savedKey(key), good)
            // Unless it was removed while that was waited for.
            if slots[key] == nil { stale.insert(key) } else { saved[key] = good }
        }
        for key in stale {
            stale.remove(key)
            if saved[key] == nil { try await store.deleteLocal(Self.savedKey(key)) }
        }
    }

    private static func savedKey(_ key: Key) -> [UInt8] { savedPrefix + key.bytes }
}

extension GlobalMistake.Used: CustomStringConvertible {
    /// What counts, for people.
    package var description: String {
        switch self {
        case .itself: "placements by this chain are refused until it is mended"
        case .lastGood: "the last good value counts"
        case .nothing: "it is not used"
        }
    }
}
