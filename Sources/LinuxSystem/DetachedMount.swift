internal import CLaunch
import Glibc
public import SystemPackage

/// A mount that is not attached anywhere yet, so that nothing but its descriptor leads to it.
///
/// See fsmount(2) and open_tree(2). The child attaches it; closing it unmounts it.
public struct DetachedMount: ~Copyable, Sendable {
  /// The root directory of the mount.
  public let descriptor: OwnedDescriptor

  /// Makes a file system, with options as fsconfig(2) takes them; one without a value is a flag.
  ///
  /// - Throws: EPERM without CAP_SYS_ADMIN; EINVAL for an option that this kernel does not know.
  public init(
    type: String, options: [(key: String, value: String)],
    attributes: LaunchPlan.MountAttributes = []
  ) throws(SystemError) {
    // Safe, here and below: the kernel copies the strings before the calls return.
    let context = OwnedDescriptor(
      owning: try checkNegated(unsafe ol_fsopen(type), "fsopen(2)", "of \(type)"))
    for (key, value) in options {
      _ = try checkNegated(
        unsafe ol_fsconfig_set(context.number, key, value), "fsconfig(2)",
        "of \(type), option \(key)=\(value)")
    }
    _ = try checkNegated(ol_fsconfig_create(context.number), "fsconfig(2)", "of \(type)")
    self.descriptor = OwnedDescriptor(
      owning: try checkNegated(
        ol_fsmount(context.number, attributes.kernelFlags), "fsmount(2)", "of \(type)"))
  }

  /// Clones the mount that `path` is in, with `path` as its root.
  ///
  /// - Parameter submounts: whether the mounts below it are cloned, too. Left out, they show what
  ///   they cover.
  /// - Throws: ENOENT, ELOOP, EACCES when the path cannot be resolved; EPERM without
  ///   CAP_SYS_ADMIN; EINVAL when what is mounted below is not this user namespace's to leave out.
  ///   See open_tree(2), mount_namespaces(7).
  public init(cloning path: FilePath, submounts: Bool = false) throws(SystemError) {
    // Safe: the kernel copies the path before the call returns.
    let result = unsafe path.withPlatformString {
      unsafe ol_clone_mount(AT_FDCWD, $0, submounts ? 1 : 0)
    }
    self.descriptor = OwnedDescriptor(
      owning: try checkNegated(result, "open_tree(2)", "of \(path)"))
  }

  /// Clones the mount of an open file, with the file as its root.
  ///
  /// - Throws: EPERM without CAP_SYS_ADMIN.
  public init(
    cloning file: borrowing OwnedDescriptor, subject: String
  ) throws(SystemError) {
    // Safe: the path is a constant.
    let result = unsafe ol_clone_mount(file.number, "", 0)
    self.descriptor = OwnedDescriptor(owning: try checkNegated(result, "open_tree(2)", subject))
  }

  /// Adds attributes, and translates the ids of all files through a user namespace.
  ///
  /// - Parameter submounts: whether the mounts below it get the attributes, too.
  /// - Throws: EINVAL when the file system's mounts cannot be id-mapped, among them overlayfs, and
  ///   tmpfs before kernel 6.3. See mount_setattr(2).
  public func restrict(
    to attributes: LaunchPlan.MountAttributes, idMap: CInt? = nil, submounts: Bool = false,
    subject: String
  ) throws(SystemError) {
    _ = try checkNegated(
      ol_mount_setattr(
        descriptor.number, UInt64(attributes.kernelFlags), idMap ?? -1, submounts ? 1 : 0),
      "mount_setattr(2)", subject)
  }

  /// Gives the descriptor up to a new owner.
  public consuming func takeDescriptor() -> OwnedDescriptor { descriptor }
}

extension LaunchPlan.MountAttributes {
  /// MOUNT_ATTR_* of mount_setattr(2).
  var kernelFlags: UInt32 {
    var flags: CInt = 0
    if contains(.readOnly) { flags |= MOUNT_ATTR_RDONLY }
    if contains(.noSetuid) { flags |= MOUNT_ATTR_NOSUID }
    if contains(.noDevices) { flags |= MOUNT_ATTR_NODEV }
    if contains(.noExecution) { flags |= MOUNT_ATTR_NOEXEC }
    return UInt32(flags)
  }
}
