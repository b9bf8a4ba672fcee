import ContainerSpec
import LinuxSystem

/// Which records of runs that are over are kept.
package struct RunRetention: Sendable, Hashable {
  /// For how long after their end; for ever when nil.
  package var time: Duration?
  /// How many, the newest; all when nil.
  package var count: Int?

  /// 30 days, and the newest 1000.
  package static let standard = RunRetention(time: .seconds(30 * 86_400), count: 1000)

  /// Says what is kept.
  package init(time: Duration?, count: Int?) {
    self.time = time
    self.count = count
  }

  /// Those that are not kept, of runs in any order. One that is not over is, and does not count.
  package func expired(among runs: [RecordedRun], now: Duration) -> [RunDescription] {
    let over = runs.filter { $0.state != .running }
      .map { (end: $0.state.result?.finished ?? $0.description.started, run: $0.description) }
      .sorted { ($0.end, $0.run.id.text) > ($1.end, $1.run.id.text) }
    // Their texts are in the order of the times.
    let oldest = time.map { Timestamp.text(max(.zero, now - $0)) } ?? ""
    return over.enumerated()
      .filter { index, run in index >= count ?? .max || run.end < oldest }
      .map(\.element.run)
  }
}
