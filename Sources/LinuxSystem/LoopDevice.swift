internal import CLaunch
import Glibc
import SystemPackage

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
