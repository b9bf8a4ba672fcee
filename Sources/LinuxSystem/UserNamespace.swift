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

/// Makes user namespaces, each of which is kept alive by its descriptor alone.
public final class UserNamespaceMaker {
  private var holder: Int32?

  /// Makes a maker.
  public init() {}

  deinit { reapHolder() }

  /// Makes a user namespace with these maps.
  ///
  /// - Throws: EPERM without CAP_SETUID and CAP_SETGID over the mapped ids; ENOSPC when there are
  ///   as many namespaces as /proc/sys/user/max_user_namespaces allows.
  public func make(users: IDMap, groups: IDMap) throws(SystemError) -> OwnedDescriptor {
    // The holders share one stack.
    reapHolder()
    let pipe = try Pipe()
    let pid = try checkNegated(
      Int(ol_start_namespace_holder(pipe.reader.number, pipe.writer.number)), "clone(2)",
      "of a user namespace")
    holder = pid
    // The end of the pipe, on every way out of here, is the end of the holder.
    defer { withExtendedLifetime(pipe) { _ in } }
    try writeMap("/proc/\(pid)/uid_map", users.text)
    try writeMap("/proc/\(pid)/gid_map", groups.text)
    return try OwnedDescriptor(opening: FilePath("/proc/\(pid)/ns/user"), flags: .reading)
  }

  /// Not done at once: it takes the holder a while to wake up and end.
  private func reapHolder() {
    if let holder { _ = ol_reap(holder) }
    holder = nil
  }
}

private func writeMap(_ path: String, _ text: [UInt8]) throws(SystemError) {
  // One write(2): the kernel takes a map whole.
  try OwnedDescriptor(opening: FilePath(path), flags: .writing).write(text)
}
