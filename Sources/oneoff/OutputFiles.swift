import ContainerSpec
import SystemPackage

extension RunOptions {
  /// Sees to it that no two outputs of a run have the same name: the later one would take the place
  /// of the earlier.
  func requireDistinctOutputs() throws(SpecError) {
    var paths: [FilePath] = []
    var options: [String] = []
    if let changes {
      paths.append(changes)
      options.append("--changes")
    }
    if let timing {
      paths.append(timing)
      options.append("--trace-timing")
    }
    if let result {
      paths.append(result.path)
      options.append("--result")
    }
    if case .file(let path)? = events {
      paths.append(path)
      options.append("--events")
    }
    guard paths.count + exports.count > 1 else { return }
    for export in exports {
      paths.append(export.destination)
      options.append("--export")
    }
    for (index, path) in paths.enumerated() {
      let name = path.lexicallyNormalized()
      guard let earlier = paths[..<index].firstIndex(where: { $0.lexicallyNormalized() == name })
      else { continue }
      throw SpecError(
        "\(options[earlier]) and \(options[index]) both name \(String(quoting: path.string))",
        remedy: "give each a file of its own")
    }
  }
}
