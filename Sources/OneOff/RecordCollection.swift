package import ContainerSpec
import LinuxSystem

/// Removes the records of runs that are not kept any longer, and halves of records.
package struct RecordCollection: Sendable {
  /// The runs whose records were removed, or would have been.
  package private(set) var removed: [RunID] = []
  /// How many halves were removed that killed makers or removers of records had left.
  package private(set) var halves = 0
  /// Why a record could not be read, which stays.
  package private(set) var unreadable: [OneOffError] = []

  /// Looks at every record of the caller.
  ///
  /// - Throws: what the system calls throw; what was removed until then stays removed.
  package init(_ retention: RunRetention, isDryRun: Bool) throws(OneOffError) {
    if let store = try RunStore.find() { try collect(retention, from: store, isDryRun) }
  }

  private mutating func collect(
    _ retention: RunRetention, from store: borrowing RunStore, _ isDryRun: Bool
  ) throws(OneOffError) {
    let (runs, unreadable) = try store.list()
    self.unreadable = unreadable
    let expired = retention.expired(among: runs, now: wallClock())
    guard !isDryRun else {
      removed = expired.map(\.id)
      return
    }
    halves = try store.removeHalves()
    for run in expired {
      let removal = try store.remove(run.id, started: run.started)
      if removal == .removed { removed.append(run.id) }
    }
  }
}
