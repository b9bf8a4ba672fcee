import Glibc
public import SystemPackage

/// In one hierarchy, the cgroups of runs: each has one of its own in the directory `oneoff`.
///
/// Nothing outside of that directory is changed but, on v2, which controllers the cgroup around it
/// hands down, and that only for a limit or a figure that was asked for.
public struct CgroupTree: Sendable, Hashable {
  /// The interface of the hierarchy.
  public var version: CgroupVersion
  /// The cgroup in which the tree is: the hierarchy's root, or one that was delegated to us.
  public var base: FilePath
  /// The hierarchy's root directory.
  public var root: FilePath

  /// The directory in which the runs' cgroups are made.
  public var path: FilePath { base.appending("oneoff") }

  /// Whether the tree is in a cgroup that systemd, or whoever else manages them, has left to us.
  public var isDelegated: Bool { base != root }

  /// Names a tree.
  public init(_ version: CgroupVersion, base: FilePath, root: FilePath) {
    self.version = version
    self.base = base
    self.root = root
  }

  /// Makes the cgroup of a run; one that an earlier owner of the name has left is removed first.
  ///
  /// - Throws: EBUSY when processes live in it.
  public func make(_ name: String) throws(SystemError) -> FilePath {
    let cgroup = path.appending(name)
    do throws(SystemError) {
      try makeDirectory(cgroup)
    } catch let error where error.errno == .fileExists {
      try remove(name)
      try makeDirectory(cgroup)
    } catch let error where error.errno == .noSuchFileOrDirectory {
      try makeDirectories(path, permissions: 0o755)
      try makeDirectory(cgroup)
    }
    return cgroup
  }

  /// Removes the cgroup of a run that is dead. For a moment the kernel may still be busy with its
  /// last processes.
  ///
  /// - Throws: EBUSY when processes live in it.
  public func remove(_ name: String) throws(SystemError) {
    let cgroup = path.appending(name)
    var attempts = 50
    while true {
      do throws(SystemError) {
        // Safe: the kernel copies the path before the call returns.
        _ = try check(
          unsafe cgroup.withPlatformString { unsafe rmdir($0) }, "rmdir(2)", "of \(cgroup)")
        return
      } catch let error where error.errno == .noSuchFileOrDirectory {
        return
      } catch let error where error.errno == .resourceBusy && attempts > 0 {
        attempts -= 1
        usleep(1000)
      }
    }
  }

  /// The names of the cgroups in the tree; none where nothing has made it yet.
  ///
  /// - Throws: the errnos of open(2) but ENOENT, and of getdents64(2).
  public func names() throws(SystemError) -> [String] {
    try directoryEntries(path).filter(\.isDirectory).map(\.text)
  }

  private func makeDirectory(_ path: FilePath) throws(SystemError) {
    // Safe: the kernel copies the path before the call returns.
    _ = try check(
      unsafe path.withPlatformString { unsafe mkdir($0, 0o755) }, "mkdir(2)", "of \(path)")
  }
}

// MARK: Controllers of v2

extension CgroupTree {
  /// Those that the runs' cgroups have already.
  public var enabled: [CgroupController] { list("oneoff/cgroup.subtree_control") }

  /// Those that the tree can have without a change to the cgroup around it.
  public var offered: [CgroupController] { list("cgroup.subtree_control") }

  /// Those that the cgroup around the tree has, and could hand down.
  public var available: [CgroupController] { list("cgroup.controllers") }

  private func list(_ file: String) -> [CgroupController] {
    CgroupController.list((try? readFile(base.appending(file), limit: 4096)) ?? [])
  }

  /// Lets the runs' cgroups have these controllers.
  ///
  /// Of a delegated cgroup this process moves into a leaf first: a cgroup with processes of its own
  /// can hand nothing down.
  /// - Throws: EBUSY when there are other processes in that cgroup, children of this one too.
  public func enable(_ controllers: [CgroupController]) throws(SystemError) {
    let missing = controllers.filter { !offered.contains($0) }
    if !missing.isEmpty {
      do throws(SystemError) {
        try handDown(missing, in: base)
      } catch let error where error.errno == .resourceBusy {
        try handDownFromLeaf(missing)
      }
    }
    try makeDirectories(path, permissions: 0o755)
    try handDown(controllers, in: path)
  }

  private func handDown(
    _ controllers: [CgroupController], in cgroup: FilePath
  ) throws(SystemError) {
    var text = ""
    for controller in controllers { text += "+\(controller.rawValue) " }
    try writeKernelFile(cgroup.appending("cgroup.subtree_control"), text)
  }

  private func handDownFromLeaf(_ controllers: [CgroupController]) throws(SystemError) {
    let leaf = base.appending("supervisor")
    try makeDirectories(leaf, permissions: 0o755)
    try writeKernelFile(leaf.appending("cgroup.procs"), "0")
    do throws(SystemError) {
      try handDown(controllers, in: base)
    } catch {
      // Others are there. As it was, then, but for who else has moved there meanwhile.
      try? writeKernelFile(base.appending("cgroup.procs"), "0")
      // Safe: the kernel copies the path before the call returns.
      _ = unsafe leaf.withPlatformString { unsafe rmdir($0) }
      throw error
    }
  }
}

// MARK: What lies around the tree

extension CgroupTree {
  /// The lowest number that `file` has in the cgroups around the tree, and where; nil where none of
  /// them has a limit.
  public func lowestLimit(_ file: String) -> (value: UInt64, cgroup: FilePath)? {
    var lowest: (value: UInt64, cgroup: FilePath)?
    var cgroup = base
    while cgroup.starts(with: root) {
      if let text = readKernelFile(cgroup.appending(file)), let value = UInt64(firstLineOf: text),
        value < lowest?.value ?? .max
      {
        lowest = (value, cgroup)
      }
      cgroup.removeLastComponent()
    }
    return lowest
  }

  /// Gives the tree, and a cgroup in it, the processors and memory nodes of the cgroup around it:
  /// v1 makes them empty, and lets no process into such a one. See cpuset(7).
  ///
  /// - Throws: EACCES, EBUSY. See write(2).
  public func inheritProcessors(to name: String) throws(SystemError) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
      guard let text = readKernelFile(base.appending(file)) else { continue }
      try writeKernelFile(path.appending(file), text)
      try writeKernelFile(path.appending(name).appending(file), text)
    }
  }
}
