internal import CLaunch
import Glibc
public import SystemPackage

/// A file that is locked as long as any copy of its descriptor is open. See flock(2).
public struct LockedFile: ~Copyable, Sendable {
  /// The descriptor that carries the lock; a process that inherits it holds the lock too.
  public let descriptor: OwnedDescriptor

  /// Makes the file if need be and locks it.
  ///
  /// - Returns: nil when somebody else holds the lock.
  /// - Throws: the errnos of open(2); ENOLCK.
  public static func tryLock(_ path: FilePath) throws(SystemError) -> LockedFile? {
    let file = try OwnedDescriptor(
      opening: path, flags: [.readingAndWriting, .creating, .notFollowing], permissions: 0o600)
    guard try file.tryLock(.exclusive, subject: "of \(path)") else { return nil }
    return LockedFile(descriptor: file)
  }
}

/// Whether somebody holds the lock of a file; nobody does where there is no file.
///
/// It is found out by taking the lock for a moment, together with others who do so.
///
/// - Throws: the errnos of open(2) but ENOENT; ENOLCK.
public func isLocked(_ path: FilePath) throws(SystemError) -> Bool {
  do throws(SystemError) {
    let file = try OwnedDescriptor(opening: path, flags: [.reading, .notFollowing])
    _ = try check(flock(file.number, LOCK_SH | LOCK_NB), "flock(2)", "of \(path)")
    return false
  } catch let error where error.errno == .noSuchFileOrDirectory {
    return false
  } catch let error where error.errno == .resourceTemporarilyUnavailable {
    return true
  }
}

/// What a lock keeps others from. See flock(2).
public enum LockKind: Sendable, Hashable {
  /// From an exclusive lock.
  case shared
  /// From any lock.
  case exclusive

  fileprivate var operation: CInt { self == .shared ? LOCK_SH : LOCK_EX }
}

extension OwnedDescriptor {
  /// Locks the file, or turns the lock on it into this one, unless somebody else's keeps it from
  /// that. When it does, there is no lock any more.
  ///
  /// - Throws: ENOLCK.
  public borrowing func tryLock(
    _ kind: LockKind, subject: String
  ) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try check(flock(number, kind.operation | LOCK_NB), "flock(2)", subject)
      return true
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return false
    }
  }

  /// Locks the file, or turns the lock on it into this one, as soon as nobody keeps it from that.
  ///
  /// - Throws: ENOLCK.
  public borrowing func waitForLock(_ kind: LockKind, subject: String) throws(SystemError) {
    while true {
      do throws(SystemError) {
        _ = try check(flock(number, kind.operation), "flock(2)", subject)
        return
      } catch let error where error.errno == .interrupted {
        continue
      }
    }
  }

  /// Gives the lock up, of every copy of the descriptor.
  public borrowing func unlock() { flock(number, LOCK_UN) }
}
