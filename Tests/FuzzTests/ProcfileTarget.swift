import ContainerSpec
import Deploy
import SystemPackage

extension FuzzTarget {
  /// A Procfile, and the phase `postdeploy` in it.
  static let procfile = FuzzTarget(name: "procfile") { bytes in
    let path: FilePath = "/app/Procfile"
    guard let file = try? Procfile.parse(bytes, path: path) else { return }
    let text = Array(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...])
    try checkPlaces(file, in: text.lines)
    try checkPrinted(file)
    try checkPhase(in: file, lines: text.lines)
    if !bytes.contains(13) {
      let converted = try Procfile.parse(bytes.withCarriageReturns, path: path)
      try hold(converted.entries == file.entries, "the same entries with CR LF")
    }
  }

  private static func checkPlaces(_ file: Procfile, in lines: [[UInt8]]) throws {
    for entry in file.entries {
      try hold((1...lines.count).contains(entry.position.line), "an entry has a line of the file")
      let start = Array("\(entry.name):".utf8)
      let line = lines[entry.position.line - 1]
      try hold(line.starts(with: start), "an entry's line begins with its name")
      let command = line.dropFirst(start.count).drop { $0 == 32 || $0 == 9 }
      try hold(command.starts(with: entry.command.bytes), "a command stands in its line")
      try hold(!entry.command.bytes.contains { $0 < 32 && $0 != 9 }, "a command is one line")
    }
    for diagnostic in file.diagnostics {
      let (line, column) = (diagnostic.position.line, diagnostic.position.column)
      // A last line without text has no place in `lines`, and nothing to complain of.
      try hold((1...lines.count).contains(line), "a diagnostic has a line of the file")
      try hold((1...lines[line - 1].count + 1).contains(column), "a diagnostic has a column")
      try hold(diagnostic.line.unicodeScalars.allSatisfy(\.isHarmless), "a line is shown harmless")
    }
  }

  /// What was read is read again from entries that are printed plainly.
  private static func checkPrinted(_ file: Procfile) throws {
    guard !file.entries.isEmpty else { return }
    var printed: [UInt8] = []
    for entry in file.entries {
      printed += Array("\(entry.name): ".utf8) + entry.command.bytes + [10]
    }
    for entry in file.entries.prefix(3) {
      let phase = try Phase(parsing: ByteString(entry.name))
      try hold(
        file.nearestName(to: phase)?.lowercased() == entry.name.lowercased(),
        "an entry can be asked for by its name")
    }
    let again = try Procfile.parse(printed, path: file.path)
    try hold(
      again.entries.map(\.name) == file.entries.map(\.name)
        && again.entries.map(\.command) == file.entries.map(\.command), "print and read again")
    try hold(
      !again.diagnostics.contains { $0.kind == .malformed }, "what is printed is well formed")
  }

  /// A line that names the phase is never passed over in silence.
  private static func checkPhase(in file: Procfile, lines: [[UInt8]]) throws {
    let name = Array(Phase.postdeploy.name.utf8)
    let named = lines.contains { line in
      let text = line.drop { $0 == 32 || $0 == 9 }
      let next = text.dropFirst(name.count).first ?? 10
      return text.starts(with: name)
        && [9, 10, 13, 32, UInt8(ascii: ":"), UInt8(ascii: "=")].contains(next)
    }
    do {
      let entry = try file.entry(for: .postdeploy)
      try hold(!named || entry != nil, "a line that names the phase is an entry or an error")
      let candidates = file.entries.filter { $0.name == Phase.postdeploy.name }
      try hold(entry.map { [$0] } ?? [] == candidates, "the entry is the only one of its name")
    } catch let error as SpecError {
      try hold(error.remedy != nil, "an error says what to do")
      try hold(error.message.hasPrefix("/app/Procfile:"), "an error says where")
    }
  }
}
