// Makes a failing run smaller: less time, fewer kinds of fault, fewer members, as long as it still fails.

/// Shrinks a plan by trying plainer ones in turn.
package struct Minimiser {
    /// How many runs it may take; each is at most as long as the first one.
    package var runCountMax = 60
    private let fails: (Plan) -> Bool

    /// - Parameter fails: Whether a run of the plan breaks a rule.
    package init(fails: @escaping (Plan) -> Bool) { self.fails = fails }

    /// The smallest plan found that fails, beginning with one that does.
    package func minimise(_ plan: Plan) -> Plan {
        var best = plan
        var runCount = 0
        while runCount < runCountMax {
            let next = Self.plainer(best).first { candidate in
                guard runCount < runCountMax else { return false }
                runCount += 1
                return fails(candidate)
            }
            guard let next else { break }
            best = next
        }
        return best
    }

    /// Plans that are a little plainer, the largest step first.
    static func plainer(_ plan: Plan) -> [Plan] {
        var plans: [Plan] = []
        for (position, _) in plan.faults.enumerated() where plan.faults.count > 1 {
            var plainer = plan
            plainer.faults.remove(at: position)
            plans.append(plainer)
        }
        for count in [plan.memberCount / 2, plan.memberCount - 1] where count >= 2 && count < plan.memberCount {
            var plainer = plan
            plainer.memberCount = count
            plans.append(plainer)
        }
        for seconds in [plan.durationSeconds / 2, plan.durationSeconds * 4 / 5] where seconds >= 5 {
            var plainer = plan
            plainer.durationSeconds = seconds
            plans.append(plainer)
        }
        return plans
    }
}
