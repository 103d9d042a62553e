// Cluster keys: from the text in cluster.json to a ring that proves and verifies.
package import Trust

extension KeyRing {
    /// The keys of a configuration.
    package init(configured entries: [KeyEntry]) throws {
        self = try KeyRing(
            entries.map { entry in
                try ClusterKey(
                    secret: Secret.parse(entry.secret.revealed), scope: entry.scope)
            })
    }
}
