// Where the records of changes are kept, and how they are found again.
package import Replica
package import Store

/// Keeps a record of every change of the cluster's configuration.
package protocol AuditTrail: Sendable {
    /// What has to be written so that a record is kept: the store does it in the transaction of the change itself.
    func writes(keeping record: AuditRecord) -> FollowingWrites

    /// The records of changes of one value, or of all, that are known here, in the order of their times.
    func records(of key: Key?) throws(StoreError) -> [AuditRecord]
}
