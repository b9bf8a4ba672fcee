internal import CLaunch
import Glibc
import SystemPackage

/// Which ids of a user namespace stand for which ids of the host. See user_namespaces(7).
public struct IDMap: Sendable, Hashable {
  /// A run of consecutive ids.
  public struct Range: Sendable, Hashable {
    public var inside: UInt32
    public var host: UInt32
    public var count: UInt32

    /// Names a run of ids.
    public init(inside: UInt32, host: UInt32, count: UInt32) {
      self.inside = inside
      self.host = host
      self.count = count
    }
  }

  /// The runs; at most 340, without overlap.
  public var ranges: [Range]

  /// Makes a map.
  public init(_ ranges: [Range]) { self.ranges = ranges }

  /// The text of /proc/PID/uid_map.
  var text: [UInt8] {
    Array(ranges.map { "\($0.inside) \($0.host) \($0.count)\n" }.joined().utf8)
  }
}

/// Makes a user namespace and returns a descriptor for it, which alone keeps it alive.
///
/// - Throws: EPERM without CAP_SETUID and CAP_SETGID over the mapped ids; ENOSPC when there are as
///   many namespaces as /proc/sys/user/max_user_namespaces allows.
public func makeUserNamespace(
  users: IDMap, groups: IDMap
) throws(SystemError) -> OwnedDescriptor {
  let pipe = try Pipe()
  let pid = try checkNegated(
    Int(ol_start_namespace_holder(pipe.reader.number, pipe.writer.number)), "clone(2)",
    "of a user namespace")
  let result: Result<CInt, SystemError>
  do throws(SystemError) {
    try writeMap(.init("/proc/\(pid)/uid_map"), users.text)
    try writeMap(.init("/proc/\(pid)/gid_map"), groups.text)
    let namespace = try OwnedDescriptor(opening: .init("/proc/\(pid)/ns/user"), flags: .reading)
    result = .success(namespace.release())
  } catch {
    result = .failure(error)
  }
  pipe.takeReader().closeNow()  // and with it the writing end, which ends the holder
  _ = ol_reap(pid)
  return OwnedDescriptor(owning: try result.get())
}

private func writeMap(_ path: FilePath, _ text: [UInt8]) throws(SystemError) {
  // One write(2): the kernel takes a map whole.
  try OwnedDescriptor(opening: path, flags: .writing).write(text)
}
