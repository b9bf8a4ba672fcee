import ContainerSpec
import LinuxSystem
import SystemPackage

extension LaunchSequence {
  /// Checks what can be said of exports before the command runs.
  ///
  /// - Throws: when something other than an overlay is mounted at an export's path or above it.
  func checkExports() throws(SpecError) {
    for export in subject.spec.exports {
      for operation in plan.setup {
        guard let place = operation.coveredPlace,
          export.source.starts(with: FilePath(place.path))
        else { continue }
        throw SpecError(
          "\(export.shownSource) is not in the scratch, and so it cannot be exported",
          remedy: "\(place.path) is a file system of its own: export what lies elsewhere; what is "
            + "in a volume is on the host already")
      }
    }
  }
}

extension LaunchPlan.Operation {
  /// Where in the root something is mounted that is not the scratch's.
  fileprivate var coveredPlace: LaunchPlan.Place? {
    switch self {
    case .mount(let fileSystem, let place)
    where place.base == .root && fileSystem.type != "overlay":
      place
    case .attach(_, let place) where place.base == .root: place
    default: nil
    }
  }
}
