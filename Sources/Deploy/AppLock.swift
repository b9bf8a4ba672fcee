import ContainerSpec
package import LinuxSystem
import OneOff

/// The lock of an app. It is held until every process that has its descriptor is gone.
package struct AppLock: ~Copyable {
  /// For processes that are to hold it, too.
  package let file: OwnedDescriptor
  /// Locked by the process alone that has taken the lock, so that it is known when that is gone.
  fileprivate let holder: OwnedDescriptor

  /// Tells people who has it; the lock itself is the kernel's.
  package borrowing func note(_ who: LockHolder) {
    try? holder.replaceContents(StoredJSON.text(who))
  }
}

/// Whether somebody has the lock of an app; nil for who it is where that cannot be read.
package enum LockState: Sendable, Hashable {
  case free
  /// Whoever has taken it is at work.
  case held(LockHolder?)
  /// Whoever has taken it was killed; what they have started goes on, and has it still.
  case left(LockHolder?)
}

/// Who has locked an app, for whoever has to wait.
package struct LockHolder: Sendable, Hashable, Codable {
  /// What it does, such as `deployment 12 of v42`.
  package var purpose: String
  /// The number of the deployment that it does; nil where it does none, or does not know it yet.
  package var deployment: Int?
  /// Its process id on this host.
  package var pid: Int32
  /// Since when, as RFC 3339, UTC.
  package var since: String

  package init(purpose: String, deployment: Int? = nil, pid: Int32, since: String) {
    self.purpose = purpose
    self.deployment = deployment
    self.pid = pid
    self.since = since
  }
}

extension KeptApp {
  private static let lockName = "lock"
  private static let holderName = "lock.holder"

  /// Locks the app, so that nobody else deploys it; nil when somebody does.
  ///
  /// - Throws: the errnos of openat(2); ENOLCK.
  package borrowing func tryLock() throws(SystemError) -> AppLock? {
    let file = try descriptor.open(Self.lockName, flags: [.readingAndWriting, .creating])
    guard try file.tryLock(.exclusive, subject: "of the app \(app.text)") else { return nil }
    let holder = try descriptor.open(Self.holderName, flags: [.readingAndWriting, .creating])
    // Nobody but who has the first has this one, unless somebody looks at the moment.
    try holder.waitForLock(.exclusive, subject: "of the app \(app.text)")
    // Whoever had it before has it no more, until the new one gives a name.
    try? holder.replaceContents([])
    return AppLock(file: file, holder: holder)
  }

  /// Whether somebody has the lock, and who.
  ///
  /// - Throws: the errnos of openat(2); ENOLCK.
  package borrowing func lockState() throws(SystemError) -> LockState {
    guard try isLocked(Self.lockName) else { return .free }
    let text = try descriptor.contents(of: Self.holderName, limit: 64 << 10)
    let holder = text.flatMap { StoredJSON.value(LockHolder.self, of: $0) }
    return try isLocked(Self.holderName) ? .held(holder) : .left(holder)
  }

  private borrowing func isLocked(_ name: String) throws(SystemError) -> Bool {
    guard try descriptor.status(of: name) != nil else { return false }
    let file = try descriptor.open(name, flags: .reading)
    return try !file.tryLock(.shared, subject: "of the app \(app.text)")
  }
}
