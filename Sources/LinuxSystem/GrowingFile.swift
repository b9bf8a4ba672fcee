internal import CLaunch
import Glibc
public import SystemPackage

/// A file to which somebody else may still be writing; it is read by position.
public struct GrowingFile: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor
  private let subject: String

  /// Opens a file for reading; a symbolic link is not followed.
  ///
  /// - Throws: the errnos of open(2); EINVAL for anything but a regular file.
  public init(_ path: FilePath) throws(SystemError) {
    let place = try OwnedDescriptor(opening: path, flags: [.pathOnly, .notFollowing])
    guard try place.status().kind == .regular else {
      throw SystemError(call: "open(2)", subject: "of \(path)", errno: .invalidArgument)
    }
    self.descriptor = try place.reopened()
    self.subject = "of \(path)"
  }

  /// Reads a file that was opened for reading; `subject` is what it is, as an error names it.
  public init(owning descriptor: consuming OwnedDescriptor, subject: String) {
    self.descriptor = descriptor
    self.subject = subject
  }

  /// How many bytes it has now.
  public func size() throws(SystemError) -> Int {
    try check(Int(lseek(descriptor.number, 0, SEEK_END)), "lseek(2)", subject)
  }

  /// The bytes from a position on; fewer than asked for only at the end.
  ///
  /// - Throws: the errnos of pread(2).
  public func read(at offset: Int, atMost limit: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    // Safe: pread(2) writes at most as many bytes as there is room for, and says how many.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      while count < limit {
        do throws(SystemError) {
          let length = try check(
            unsafe pread(
              descriptor.number, buffer.baseAddress.map { unsafe $0 + count }, limit - count,
              offset + count), "pread(2)", subject)
          if length == 0 { return }
          count += length
        } catch let error where error.errno == .interrupted {
          continue
        } catch {
          failure = error
          return
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

/// Tells when files are written to, or closed by somebody who could write to them. See inotify(7).
public struct FileWatch: ~Copyable, Sendable {
  /// Readable when something has happened.
  public let descriptor: OwnedDescriptor

  /// Watches files.
  ///
  /// - Throws: EMFILE when the user has too many watches (`fs.inotify.max_user_instances`), ENOSPC
  ///   (`max_user_watches`); ENOENT.
  public init(_ paths: [FilePath]) throws(SystemError) {
    let descriptor = OwnedDescriptor(
      owning: try check(inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)), "inotify_init1(2)"))
    for path in paths {
      let events = UInt32(IN_MODIFY) | UInt32(IN_CLOSE_WRITE)
      // Safe: the kernel copies the path before the call returns.
      let result = unsafe path.withPlatformString {
        unsafe inotify_add_watch(descriptor.number, $0, events)
      }
      _ = try check(result, "inotify_add_watch(2)", "of \(path)")
    }
    self.descriptor = descriptor
  }

  /// Waits until something happens, or until the time is over.
  ///
  /// - Parameter time: rounded up to milliseconds.
  public func wait(atMost time: Duration) throws(SystemError) {
    var waiting = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    // Safe: one structure of ours is filled.
    let count = unsafe poll(&waiting, 1, time.pollTimeout)
    guard count > 0 else { return }
    // What has happened is seen by looking: the events are only taken away.
    _ = try readAvailable(descriptor.number, atMost: 64 << 10, subject: "of the inotify descriptor")
  }
}
