/// A device node that every container has.
struct DeviceNode: Sendable, Hashable {
  /// How it comes to be.
  enum Source: Sendable, Hashable {
    /// By mknod(2).
    case made
    /// By mounting the host's: the kernel lets no user namespace make one that works.
    case bound
  }

  /// Its name in /dev.
  let name: String
  /// Its numbers; see Documentation/admin-guide/devices.txt in the kernel's source.
  let major: UInt32
  let minor: UInt32

  static let null = DeviceNode(name: "null", major: 1, minor: 3)

  static let all = [
    null,
    DeviceNode(name: "zero", major: 1, minor: 5),
    DeviceNode(name: "full", major: 1, minor: 7),
    DeviceNode(name: "random", major: 1, minor: 8),
    DeviceNode(name: "urandom", major: 1, minor: 9),
    DeviceNode(name: "tty", major: 5, minor: 0),
  ]
}

extension DeviceNode.Source {
  /// What `print-plan` says of it.
  var suffix: String { self == .bound ? ", nodes bound from the host" : "" }
}
