import LinuxSystem
import SystemPackage

extension LaunchSequence {
  /// Prepares the parts that are mounted.
  mutating func prepare(_ tree: HostTree) {
    for (index, part) in tree.parts.enumerated() {
      switch part {
      case .layer(let path), .file(let path):
        preparations.append(.hostPart(.hostPart(index), path))
      case .directory, .link: break  // in the scratch
      }
    }
  }

  /// Mounts the parts in the root, which has nothing else yet.
  mutating func mount(_ tree: HostTree, isReadOnly: Bool) {
    for (index, part) in tree.parts.enumerated() {
      switch part {
      case .layer(let path):
        plan.setup.append(.attach(.hostPart(index), inScratch(ScratchLayout.part(index))))
        var overlay = overlay(
          lower: ScratchLayout.part(index), upper: ScratchLayout.partUpper(index),
          work: ScratchLayout.partWork(index))
        // The root alone is made read-only later on.
        if isReadOnly { overlay.attributes.insert(.readOnly) }
        plan.setup.append(.mount(overlay, inside(path.string)))
        sendForExport(path.string)
      case .file(let path):
        plan.setup.append(.attach(.hostPart(index), inside(path.string, isDirectory: false)))
      case .directory, .link: break
      }
    }
  }
}
