import Foundation
import SystemPackage

extension Workspace {
  /// An app's release of these files, by their paths in it; what begins with `#!` can be executed.
  func release(_ files: [String: String], owner: Int = 0) throws -> String {
    let app = path.appending("files/shop").string
    try? FileManager.default.removeItem(atPath: app)
    try make("files/shop")
    for (name, text) in files {
      try write("shop/\(name)", text, mode: text.hasPrefix("#!") ? 0o755 : 0o644)
    }
    try RunningProcess.output(["chown", "-R", "\(owner):\(owner)", app])
    return app
  }

  /// A layer that has a program of the machine at its own path, with the libraries that it needs,
  /// and the option that adds it.
  func machineProgram(_ program: String) throws -> [String] {
    let layer = path.appending("programs").string
    let libraries = try RunningProcess.output(["ldd", program]).split { $0.isWhitespace }
      .filter { $0.hasPrefix("/") }.map { $0.split(separator: ":")[0] }
    for file in Set(libraries.map(String.init) + [program]) {
      let place = FilePath(layer + file)
      try FileManager.default.createDirectory(
        atPath: place.removingLastComponent().string, withIntermediateDirectories: true)
      try RunningProcess.output(["cp", "-L", file, place.string])
    }
    return ["--layer", layer]
  }
}

/// Runs a hook of a release in the tiny root file system.
func hook(_ app: String, _ options: [String] = []) throws -> Completion {
  try perform(["hook", "--rootfs", Built.tiny, "--app-dir", app] + options)
}

extension Completion {
  /// What the command wrote on its standard output, without what indents it in a deployment's log.
  var written: [String] {
    lines.filter { $0.hasPrefix("       ") }.map { String($0.dropFirst(7)) }
  }
}
