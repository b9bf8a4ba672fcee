internal import CLaunch
import Glibc
public import SystemPackage

/// A block device whose blocks are those of a file. The kernel takes the two apart as soon as
/// nobody has the device open, or mounted, any more, whoever was killed. See loop(4),
/// LO_FLAGS_AUTOCLEAR.
public struct LoopDevice: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// A path that leads to the device as long as this process has it open, whatever /dev is then.
  public var path: String { "/proc/self/fd/\(descriptor.number)" }

  private static let control: FilePath = "/dev/loop-control"

  /// How often somebody else may take the device that was free a moment ago.
  private static let attempts = 1000

  /// Puts a file behind a device that nobody uses; the device stays when the file is closed.
  ///
  /// - Throws: ENOENT where the kernel, or the container around, has no loop devices; EPERM or
  ///   EACCES where this process may not use them; EBUSY when others were always faster.
  public init(over file: borrowing OwnedDescriptor) throws(SystemError) {
    let control = try OwnedDescriptor(opening: Self.control, flags: .readingAndWriting)
    for _ in 0..<Self.attempts {
      let number = try checkNegated(
        ol_free_loop_device(control.number), "ioctl(2)", "LOOP_CTL_GET_FREE of \(Self.control)")
      let device = try OwnedDescriptor(
        opening: FilePath("/dev/loop\(number)"), flags: .readingAndWriting)
      let result = ol_attach_to_loop_device(device.number, file.number)
      if result == -Int(EBUSY) { continue }
      _ = try checkNegated(result, "ioctl(2)", "LOOP_CONFIGURE of /dev/loop\(number)")
      self.descriptor = device
      return
    }
    throw SystemError(
      call: "ioctl(2)", subject: "LOOP_CONFIGURE of \(Self.attempts) devices", errno: .resourceBusy)
  }
}

extension OwnedDescriptor {
  /// Makes a file that has no name on the file system of a directory, of that size and without any
  /// content: it takes no room there until it is written to.
  ///
  /// - Throws: EOPNOTSUPP where the file system has no such files; EFBIG; the errnos of open(2).
  ///   See open(2), O_TMPFILE.
  public init(unnamedIn directory: FilePath, size: UInt64) throws(SystemError) {
    let result = unsafe directory.withPlatformString {
      // Safe: the kernel copies the path before the call returns.
      unsafe ol_unnamed_file($0, size)
    }
    self.init(
      owning: try checkNegated(result, "open(2)", "of a file without a name in \(directory)"))
  }
}
