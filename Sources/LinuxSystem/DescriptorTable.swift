internal import CLaunch
import Glibc
import SystemPackage

/// Descriptors that a launch plan names, owned until the launch is over.
public final class DescriptorTable {
  // Not a dictionary: for two dozen entries a search is cheaper, and the metadata that the runtime
  // makes for a first dictionary of a type costs 60 µs.
  private var entries: [(name: DescriptorName, number: CInt)] = []

  /// Makes an empty table.
  public init() {}

  deinit { closeAll() }

  /// Takes over a descriptor under a name that is not taken yet.
  public func adopt(_ descriptor: consuming OwnedDescriptor, as name: DescriptorName) {
    precondition(number(of: name) < 0, "a name is in the table already")
    entries.append((name, descriptor.release()))
  }

  /// Takes over a pipe's writing end under a name, and hands the reading end back.
  public func adoptWriter(of pipe: consuming Pipe, as name: DescriptorName) -> OwnedDescriptor {
    let reader = pipe.reader
    adopt(pipe.writer, as: name)
    return reader
  }

  /// Takes over a pipe's reading end under a name, and hands the writing end back.
  public func adoptReader(of pipe: consuming Pipe, as name: DescriptorName) -> OwnedDescriptor {
    let writer = pipe.writer
    adopt(pipe.reader, as: name)
    return writer
  }

  /// The number of a descriptor; -1 for a name that is not in the table, which the kernel refuses.
  public func number(of name: DescriptorName) -> CInt {
    for entry in entries where entry.name == name { return entry.number }
    return -1
  }

  /// Opens a path below a named directory as if that were the root; nil when there is no such file.
  /// Symbolic links and `..` stay below.
  ///
  /// - Throws: ELOOP, EACCES, EMFILE. See openat2(2), RESOLVE_IN_ROOT.
  public func find(
    _ path: String, below name: DescriptorName, flags: OpenFlags
  ) throws(SystemError) -> OwnedDescriptor? {
    do throws(SystemError) {
      // Safe: the kernel copies the path before the call returns.
      let result = unsafe ol_openat2(
        number(of: name), path, UInt64(flags.rawValue | O_CLOEXEC),
        UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
      return OwnedDescriptor(owning: try checkNegated(result, "openat2(2)", "of \(path)"))
    } catch let error where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
      return nil
    }
  }

  /// Opens a device node of a named mount for reading and writing.
  ///
  /// - Throws: ENOENT, ENXIO, EMFILE; ELOOP for a symbolic link. See openat(2).
  public func open(
    _ path: String, below name: DescriptorName
  ) throws(SystemError) -> OwnedDescriptor {
    // Safe: the kernel copies the path before the call returns.
    let result = unsafe ol_open(number(of: name), path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0)
    return OwnedDescriptor(owning: try checkNegated(result, "openat(2)", "of \(path)"))
  }

  /// Closes every descriptor in the table.
  public func closeAll() { closeAll { _ in false } }

  /// Closes every descriptor in the table but those that are still needed.
  public func closeAll(keeping isNeeded: (DescriptorName) -> Bool) {
    for entry in entries where !isNeeded(entry.name) { close(entry.number) }
    entries.removeAll { !isNeeded($0.name) }
  }
}

/// What a descriptor of a launch plan stands for.
public enum DescriptorName: Sendable, Hashable {
  case scratch
  case layer(Int)
  case app
  case hostPart(Int)
  case devices
  case device(Int)
  case terminals
  case sharedMemory
  case masks
  case maskingDevice
  case hostSysfs
  case cgroupCover
  case null
  case volume(Int)
  case temporary(Int)
  case network
  case userNamespace
  case appUserNamespace
  case cgroup
  case cgroupMembers(Int)
  case standardInput
  case standardOutput
  case standardError
  case terminal
  case landlock
  case listenerSocket
  case exportSocket
  case exported(Int)
}

extension DescriptorName: CustomStringConvertible {
  /// The name as `print-plan` shows it.
  public var description: String {
    switch self {
    case .scratch: "scratch"
    case .layer(let index): "layer \(index)"
    case .app: "app"
    case .hostPart(let index): "part \(index)"
    case .devices: "devices"
    case .device(let index): "device \(index)"
    case .terminals: "terminals"
    case .sharedMemory: "shared memory"
    case .masks: "masks"
    case .maskingDevice: "masking device"
    case .hostSysfs: "sysfs of the host"
    case .cgroupCover: "cover of the host's cgroups"
    case .null: "null device"
    case .volume(let index): "volume \(index)"
    case .temporary(let index): "tmpfs \(index)"
    case .network: "network namespace"
    case .userNamespace: "user namespace"
    case .appUserNamespace: "id map of the app"
    case .cgroup: "cgroup"
    case .cgroupMembers(let index): "members of cgroup \(index)"
    case .standardInput: "stdin"
    case .standardOutput: "stdout"
    case .standardError: "stderr"
    case .terminal: "terminal"
    case .landlock: "landlock scope"
    case .listenerSocket: "listener's socket"
    case .exportSocket: "exports' socket"
    case .exported(let index): "exported \(index)"
    }
  }
}
