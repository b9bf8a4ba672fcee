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
    do throws(SystemError) {
      _ = try check(flock(file.number, LOCK_EX | LOCK_NB), "flock(2)", "of \(path)")
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      return nil
    }
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

/// Removes a directory with everything in it, or nothing where there is none.
///
/// By rm(1), which follows no link, and whom no depth of a hostile tree stops.
///
/// - Throws: ENOTEMPTY when something of it is left.
public func removeTree(_ path: FilePath) throws(SystemError) {
  let said = try runQuietly("/bin/rm", ["rm", "-rf", "--", path.string])
  guard said != nil else { return }
  throw SystemError(call: "rm(1)", subject: "of \(path)", errno: .directoryNotEmpty, hint: said)
}

/// Makes a directory, and those above it, unless it is there.
///
/// - Throws: the errnos of mkdir(2).
public func makeDirectories(_ path: FilePath, permissions: UInt32) throws(SystemError) {
  do throws(SystemError) {
    // Safe: the kernel copies the path before the call returns.
    _ = try check(
      unsafe path.withPlatformString { unsafe mkdir($0, permissions) }, "mkdir(2)", "of \(path)")
  } catch let error where error.errno == .fileExists {
    return
  } catch let error where error.errno == .noSuchFileOrDirectory && path.components.count > 1 {
    try makeDirectories(path.removingLastComponent(), permissions: permissions)
    // Not by calling this again: below a dangling link, mkdir(2) goes on saying ENOENT.
    _ = try check(
      unsafe path.withPlatformString { unsafe mkdir($0, permissions) }, "mkdir(2)", "of \(path)")
  }
}
