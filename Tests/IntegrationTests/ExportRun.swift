import Foundation
import SystemPackage

/// What `--export` leaves in a directory of the test's, which is `out` in its arguments.
struct ExportRun {
  var completion: Completion
  /// `path kind permissions owner size target` of everything below `out`, in order.
  var found: [String]
  var result: Outcome?
  var warnings: [String]

  struct Outcome: Decodable {
    struct Export: Decodable, Equatable {
      var path: String
      var to: String
      var files: Int
      var bytes: Int
    }
    struct Exit: Decodable { var code: Int? }
    var status: Int
    var reason: String
    var exit: Exit?
    var exports: [Export]?
  }

  /// The directory into which the exports of a test go.
  static func directory(owner: Int? = nil) throws -> String {
    try Workspace.current.make("files/out", owner: owner)
  }

  static func path(_ name: String) -> String {
    Workspace.current.path.appending("files/out").appending(name).string
  }

  /// The options of exports; a destination without a slash is in `out`.
  static func options(_ exports: [String]) -> [String] {
    exports.flatMap { export in
      let parts = export.split(separator: "=", maxSplits: 1).map { String($0) }
      return ["--export", "\(parts[0])=\(path(parts[1]))"]
    }
  }

  /// Calls `body` with further options, and reads what came of it.
  init(_ exports: [String], _ body: ([String]) throws -> Completion) throws {
    let out = try Self.directory()
    let events = try Workspace.current.make("files/log", mode: 0o777) + "/events"
    completion = try body(Self.options(exports) + ["--events", events])
    found = try Self.listing(out)
    struct Event: Decodable {
      var event: String
      var code: String?
      var result: Outcome?
    }
    let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
    let all = try decodedLines(of: text, as: Event.self)
    result = all.last?.result
    warnings = all.compactMap(\.code)
  }

  static func listing(_ directory: String) throws -> [String] {
    try RunningProcess.output([
      "find", directory, "-mindepth", "1", "-printf", #"%P %y %m %U:%G %s %l\0"#,
    ]).split(separator: "\0").map { line in
      let line = line.replacingOccurrences(of: "\n", with: "?")
      // What a directory takes says nothing.
      let words = line.split(separator: " ").map { String($0) }
      return (words[1] == "d" ? Array(words.prefix(4)) : words).joined(separator: " ")
    }.sorted()
  }
}
