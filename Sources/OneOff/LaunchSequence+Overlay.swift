import LinuxSystem

extension LaunchSequence {
  /// An overlay of directories, as fsconfig(2) takes their paths, the lowest last and parted by
  /// colons. See the kernel's Documentation/filesystems/overlayfs.rst.
  static func overlay(
    lower: String, upper: String, work: String, becomes: LaunchPlan.Base? = nil, hasRoot: Bool,
    isOnDisk: Bool = false
  ) -> LaunchPlan.FileSystem {
    // Of this very type: otherwise each tuple is cast at run time.
    var options: [(key: String, value: String)] = [
      ("lowerdir", lower), ("upperdir", upper), ("workdir", work),
    ]
    // A user namespace has no attributes of the kind "trusted.", and so none that redirect.
    // Without those, renaming a directory of the image is EXDEV.
    options.append(hasRoot ? ("redirect_dir", "on") : ("userxattr", ""))
    // What is thrown away need not be written to the disk.
    if isOnDisk { options.append(("volatile", "")) }
    return LaunchPlan.FileSystem(
      type: "overlay", options: options, attributes: [.noSetuid, .noDevices], becomes: becomes)
  }
}
