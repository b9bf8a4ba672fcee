import FoundationEssentials

/// A source file of the project.
struct SourceFile: Sendable, CustomStringConvertible {
  /// The path below the package.
  var path: String
  var lines: [String]

  var description: String { path }

  /// The module, or the directory of tests.
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
  /// Written by a program, not by hand.
  var isGenerated: Bool { path.hasSuffix("seccomp_default.h") }

  /// The lines without comments and the contents of string literals, as far as a line shows them.
  var code: [String] {
    var isInBlock = false
    var isInText = false
    return lines.map { line in
      if line.contains("\"\"\""), isSwift {
        isInText.toggle()
        return ""
      }
      if isInText { return "" }
      return Self.strip(line, &isInBlock)
    }
  }

  private static func strip(_ line: String, _ isInBlock: inout Bool) -> String {
    var result = ""
    var quote: Character?
    var rest = line[...]
    while let character = rest.first {
      if isInBlock {
        if rest.hasPrefix("*/") { isInBlock = false }
      } else if let open = quote {
        if character == "\\" { rest = rest.dropFirst() }
        if character == open { quote = nil }
      } else if rest.hasPrefix("//") {
        return result
      } else if rest.hasPrefix("/*") {
        isInBlock = true
      } else if character == "\"" || (character == "'" && !result.isEmpty) {
        quote = character
      } else {
        result.append(character)
      }
      rest = rest.dropFirst()
    }
    return result
  }

  /// The modules that the file imports.
  var imports: Set<String> {
    var modules: Set<String> = []
    for line in code {
      let words = line.split(separator: " ").map(String.init)
      guard let index = words.firstIndex(of: "import"), index + 1 < words.count,
        words[..<index].allSatisfy({
          $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0)
        })
      else { continue }
      modules.insert(words[index + 1])
    }
    return modules
  }
}

/// The source tree that these tests were compiled from.
enum SourceTree {
  static let package = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift and C file below these directories.
  static func files(
    in directories: [String] = ["Sources", "Tests", "rootfs-fixtures"]
  ) throws -> [SourceFile] {
    try directories.flatMap { directory in
      let root = package.appending(path: directory)
      return try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
        .filter { name in [".swift", ".c", ".h"].contains { name.hasSuffix($0) } }
        .map { name in
          let text = String(
            decoding: try Data(contentsOf: root.appending(path: name)), as: UTF8.self)
          var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
          if lines.last == "" { lines.removeLast() }
          return SourceFile(path: "\(directory)/\(name)", lines: lines)
        }
    }
  }
}
