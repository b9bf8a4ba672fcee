import ContainerSpec
import LinuxSystem

extension LaunchSequence {
  /// The most bytes that fsconfig(2) takes as an option's value, with the NUL.
  private static let longestOption = 256

  /// An overlay of directories, as fsconfig(2) takes their paths, the lowest last and parted by
  /// colons. See the kernel's Documentation/filesystems/overlayfs.rst.
  static func overlay(
    lower: String, upper: String, work: String, becomes: LaunchPlan.Base? = nil, hasRoot: Bool,
    isVolatile: Bool = false
  ) -> LaunchPlan.FileSystem {
    // Of this very type: otherwise each tuple is cast at run time.
    var options: [(key: String, value: String)] = []
    if lower.utf8.count < Self.longestOption {
      options.append(("lowerdir", lower))
    } else {
      // One by one, from Linux 6.5 on.
      for layer in lower.split(separator: ":") { options.append(("lowerdir+", String(layer))) }
    }
    options.append(("upperdir", upper))
    options.append(("workdir", work))
    // A user namespace has no attributes of the kind "trusted.", and so none that redirect.
    // Without those, renaming a directory of the image is EXDEV.
    options.append(hasRoot ? ("redirect_dir", "on") : ("userxattr", ""))
    // What is thrown away need not be written to the disk.
    if isVolatile { options.append(("volatile", "")) }
    return LaunchPlan.FileSystem(
      type: "overlay", options: options, attributes: [.noSetuid, .noDevices], becomes: becomes)
  }

  /// Hands an overlay that was just mounted to the supervisor, where there are exports. BEFORE
  /// anything is mounted in it, and before the command is there, which could bend the path.
  mutating func sendForExport(_ path: String) {
    guard !subject.spec.exports.isEmpty else { return }
    plan.setup.append(.sendDirectory(.init(path, below: .root), over: .exportSocket))
  }
}
