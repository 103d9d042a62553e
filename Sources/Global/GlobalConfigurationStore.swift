// The one writer of the cluster's configuration at this member: checks, writes, and keeps a record of it.
import Directory
package import MemberConfiguration
import OperatingSystem
package import Replica
package import Store

/// Changes the configuration that all members share: one change at a time, wholly or not at all.
package actor GlobalConfigurationStore {
    /// What else decides about a change.
    package struct Rules: Sendable {
        /// Why this member may write nothing that all share; nil: it may.
        package var refusal: @Sendable () async -> GlobalRefusal?
        /// The member whose process has an origin, where that is known.
        package var writer: @Sendable (Origin) async -> ServerID?
        /// Says what is wrong with the text of a script or a metric; nil: nothing.
        package var checkText: @Sendable (GlobalName, String) async throws -> ConfigurationErrors?

        package init(
            refusal: @escaping @Sendable () async -> GlobalRefusal? = { nil },
            writer: @escaping @Sendable (Origin) async -> ServerID? = { _ in nil },
            checkText: @escaping @Sendable (GlobalName, String) async throws -> ConfigurationErrors? = { _, _ in nil }
        ) {
            self.refusal = refusal
            self.writer = writer
            self.checkText = checkText
        }
    }

    private struct Found {
        /// Of the live value.
        let version: Version?
        let bytes: [UInt8]?
    }

    private let serverID: ServerID
    private let store: Store
    private let index: GlobalConfigurationIndex
    /// Where the records of changes are.
    package nonisolated let trail: any AuditTrail
    private var rules: Rules
    /// The change under way, for which the next one waits.
    private var last: Task<Void, Never>?

    /// Each further try follows a write of somebody else; this many only where somebody writes without pause.
    private static let tryCountMax = 100

    package init(
        serverID: ServerID, store: Store, index: GlobalConfigurationIndex, trail: any AuditTrail, rules: Rules = Rules()
    ) {
        self.serverID = serverID
        self.store = store
        self.index = index
        self.trail = trail
        self.rules = rules
    }

    /// From now on texts are checked so.
    package func checkTexts(by check: @escaping @Sendable (GlobalName, String) async throws -> ConfigurationErrors?) {
        rules.checkText = check
    }

    /// Makes several changes at once. Where one may not be, none is made.
    ///
    /// - Throws: `GlobalRefusal`, `ConfigurationErrors` with all mistakes, `StoreError`, and whatever the check of a text
    ///   throws where it cannot be done.
    @discardableResult
    package func change(_ proposals: [GlobalProposal], by author: ChangeAuthor) async throws -> [GlobalChange] {
        try await inTurn { try await self.make(proposals, author) }
    }

    /// Says what changes would do, and refuses them as `change` would; nothing is written.
    package func check(_ proposals: [GlobalProposal]) async throws -> [GlobalChange] {
        try await inTurn {
            let found = try await self.judge(proposals)
            return proposals.map { Self.outcome(of: $0, found[$0.name.key]) }
        }
    }

    /// Begins when everything that was asked before has ended, and goes on when whoever asked is gone.
    private func inTurn<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result
    {
        let before = last
        let task = Task {
            await before?.value
            return try await body()
        }
        last = Task { _ = await task.result }
        return try await task.value
    }

    private func make(_ proposals: [GlobalProposal], _ author: ChangeAuthor) async throws -> [GlobalChange] {
        for _ in 0..<Self.tryCountMax {
            let found = try await judge(proposals)
            let effective = proposals.filter { Self.outcome(of: $0, found[$0.name.key]).effect != .unchanged }
            // Where somebody else was faster, the next judgement says whether that matters.
            guard let receipts = try await write(effective, found, author) else { continue }
            let keys = effective.map(\.name.key)
            let versions = Dictionary(zip(keys, receipts.map(\.version)), uniquingKeysWith: { _, last in last })
            try await index.refresh(keys)
            return proposals.map { proposal in
                let outcome = Self.outcome(of: proposal, found[proposal.name.key])
                return GlobalChange(
                    name: outcome.name, effect: outcome.effect, version: versions[proposal.name.key] ?? outcome.version)
            }
        }
        throw GlobalRefusal.contended(proposals[0].name)
    }

    private static func outcome(of proposal: GlobalProposal, _ found: Found?) -> GlobalChange {
        let effect: GlobalChange.Effect =
            switch (found?.bytes, proposal.text) {
            case (nil, nil): .unchanged
            case (nil, _): .added
            case (_, nil): .removed
            case (let old, let new): old == new ? .unchanged : .changed
            }
        return GlobalChange(name: proposal.name, effect: effect, version: found?.version)
    }

    // MARK: Judging

    /// Refuses what may not be. Returns what there is under each key.
    private func judge(_ proposals: [GlobalProposal]) async throws -> [Key: Found] {
        if let refusal = await rules.refusal() { throw refusal }
        var found: [Key: Found] = [:]
        let keys = proposals.map(\.name.key)
        let entries = try store.read { snapshot throws(StoreError) in
            var entries: [Entry] = []
            for key in keys { if let entry = try snapshot.get(key) { entries.append(entry) } }
            return entries
        }
        for entry in entries { found[entry.key] = Found(version: entry.version, bytes: entry.value) }
        for proposal in proposals { try await compare(proposal, found[proposal.name.key]) }
        try await checkContents(proposals)
        return found
    }

    private func compare(_ proposal: GlobalProposal, _ found: Found?) async throws {
        let isExpected =
            switch proposal.expected {
            case .anything: true
            case .nothing: found == nil
            case .version(let version): found?.version == version
            }
        if !isExpected {
            var writer: ServerID?
            if let origin = found?.version?.origin { writer = await rules.writer(origin) }
            throw GlobalRefusal.stale(proposal.name, found: found?.version, writer: writer)
        }
        if proposal.text == nil, found == nil { throw GlobalRefusal.absent(proposal.name) }
    }

    private func checkContents(_ proposals: [GlobalProposal]) async throws {
        var mistakes: [ConfigurationErrors] = []
        var new = index.current
        for proposal in proposals {
            let name = proposal.name
            guard let text = proposal.text else {
                new[name] = nil
                continue
            }
            do throws(ConfigurationErrors) {
                if case .script(let script) = name, index.predefined.contains(script) { throw .predefined(name) }
                try Self.checkTwin(name, new)
                new[name] = try GlobalValue.parse(text, of: name)
            } catch {
                mistakes.append(error)
                continue
            }
            if case .text(let text)? = new[name], let mistake = try await rules.checkText(name, text) {
                mistakes.append(mistake)
            }
        }
        mistakes += chainMistakes(proposals, new)
        if let all = ConfigurationErrors(joining: mistakes) { throw all }
    }

    /// A name that is equal to another one as text, and not byte for byte.
    private static func checkTwin(_ name: GlobalName, _ new: GlobalConfiguration) throws(ConfigurationErrors) {
        let names: [GlobalName] =
            switch name {
            case .script(let text): new.scripts.keys.filter { $0 == text }.map { .script($0) }
            case .metric(let text): new.metrics.keys.filter { $0 == text }.map { .metric($0) }
            case .placement: []
            }
        if names.contains(where: { $0 != name }) { throw .twin(name) }
    }

    /// A chain that was not right before is nobody's fault but its own: it is looked at where it is written, and where a
    /// script is removed.
    private func chainMistakes(_ proposals: [GlobalProposal], _ new: GlobalConfiguration) -> [ConfigurationErrors] {
        if proposals.contains(where: { $0.name == .placement && $0.text != nil }) {
            return [new.missingScripts(predefined: index.predefined)].compactMap { $0 }
        }
        return proposals.compactMap { proposal in
            guard proposal.text == nil, case .script(let script) = proposal.name else { return nil }
            let chains = new.placement.chains(naming: script)
            return chains.isEmpty ? nil : .inUse(proposal.name, by: chains)
        }
    }

    // MARK: Writing

    /// Nil where the map has other versions by now than were found.
    private func write(
        _ proposals: [GlobalProposal], _ found: [Key: Found], _ author: ChangeAuthor
    ) async throws -> [WriteReceipt]? {
        if proposals.isEmpty { return [] }
        let writes = proposals.map { proposal in
            LocalWrite(
                key: proposal.name.key,
                change: proposal.text.map { .put($0, leaseMilliseconds: nil) } ?? .delete)
        }
        let expecting = Dictionary(
            proposals.map { ($0.name.key, found[$0.name.key]?.version) }, uniquingKeysWith: { first, _ in first })
        let now = WallClock.now()
        let changes = proposals.map { proposal in
            (
                id: RecordTable.makeID(at: now), key: proposal.name.key,
                values: AuditedValues(before: found[proposal.name.key]?.bytes, after: proposal.text)
            )
        }
        let (trail, serverID) = (trail, serverID)
        let following: Following = { receipts in
            zip(changes, receipts).reduce(into: FollowingWrites()) { all, each in
                let (change, receipt) = each
                let writes = trail.writes(
                    keeping: AuditRecord(
                        id: change.id, time: now, serverID: serverID, author: author, key: change.key,
                        before: receipt.replaced, after: receipt.version, values: change.values))
                all.entries += writes.entries
                all.local += writes.local
            }
        }
        do {
            return try await store.write(writes, expecting: expecting, following: following)
        } catch {
            guard case .conflict = error else { throw error }
            return nil
        }
    }
}
