import LinuxSystem
import SystemPackage

extension Preparer {
  /// Makes the directories of a root file system of parts, and returns the one that becomes /etc.
  func makeParts(
    of tree: HostTree, in scratch: borrowing OwnedDescriptor, _ contents: ScratchContents
  ) throws -> String {
    let root = LaunchPlan.Owner(uid: 0, gid: 0)
    var etc: String?
    try scratch.makeDirectory(ScratchLayout.upper, permissions: 0o755, owner: contents.owner)
    for (index, part) in tree.parts.enumerated() {
      switch part {
      case .layer(let path):
        for name in [ScratchLayout.part(index), ScratchLayout.partWork(index)] {
          try scratch.makeDirectory(name, permissions: 0o700, owner: root)
        }
        let upper = ScratchLayout.partUpper(index)
        try makeLike(.hostPart(index), "", upper, in: scratch, contents)
        if path == "/etc" { etc = upper }
      case .directory(let path, let permissions):
        let name = ScratchLayout.upper + path.string
        try scratch.makeDirectory(name, permissions: permissions, owner: contents.owner)
        if path == "/etc" { etc = name }
      case .link(let path, let target):
        try scratch.makeSymbolicLink(
          ScratchLayout.upper + path.string, to: target.string, owner: contents.owner)
      case .file: break  // its mount point is made where it is mounted
      }
    }
    if let etc { return etc }
    let name = "\(ScratchLayout.upper)/etc"
    try scratch.makeDirectory(name, permissions: 0o755, owner: contents.owner)
    return name
  }
}
