internal import CLaunch
import Glibc
public import SystemPackage

/// A system call that failed: which call, on what, with which errno, and what to do about it.
///
/// The command line prints it as `oneoff: <call> <subject>: <ERRNO> (<text>)` and `hint: <hint>`.
public struct SystemError: Error, Sendable, Hashable {
  /// The call as its man page is named, such as `mount(2)`.
  public var call: String
  /// What it was to act on, such as `of overlay on /`; may be empty.
  public var subject: String
  /// Why the kernel refused.
  public var errno: Errno
  /// What this errno means for this call, and the remedy, where the errno alone misleads.
  public var hint: String?

  /// Makes an error.
  public init(call: String, subject: String = "", errno: Errno, hint: String? = nil) {
    self.call = call
    self.subject = subject
    self.errno = errno
    self.hint = hint
  }
}

extension SystemError: CustomStringConvertible {
  /// `call subject: ERRNO (text)`, and the hint on a line of its own.
  public var description: String {
    let what = subject.isEmpty ? call : "\(call) \(subject)"
    let line = "\(what): \(errno.name) (\(errno.description))"
    return hint.map { "\(line)\nhint: \($0)" } ?? line
  }
}

extension Errno {
  /// The symbolic name, such as `EINVAL`; the number where the C library has none.
  public var name: String {
    // Safe: the C library returns NULL or a string with static storage duration.
    guard let name = unsafe ol_error_name(rawValue) else { return "errno \(rawValue)" }
    return unsafe String(cString: name)
  }
}

/// The result of a call that returns -1 and sets errno. The only place in which errno is read.
@inline(__always)
func check<Value: FixedWidthInteger & SignedInteger>(
  _ result: Value, _ call: @autoclosure () -> String, _ subject: @autoclosure () -> String = ""
) throws(SystemError) -> Value {
  guard result < 0 else { return result }
  let code = Glibc.errno
  throw SystemError(call: call(), subject: subject(), errno: Errno(rawValue: code))
}

/// The result of a call of CLaunch, which returns -errno.
@inline(__always)
func checkNegated(
  _ result: Int, _ call: @autoclosure () -> String, _ subject: @autoclosure () -> String = ""
) throws(SystemError) -> CInt {
  guard result < 0 else { return CInt(result) }
  throw SystemError(call: call(), subject: subject(), errno: Errno(rawValue: CInt(-result)))
}
