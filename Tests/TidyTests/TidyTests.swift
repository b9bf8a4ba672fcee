import Testing

/// The rules of the source tree, so that nobody has to remember them.
@Suite struct TidyTests {
  private let files: [SourceFile]

  init() throws { self.files = try SourceTree.files() }

  private var sources: [SourceFile] { files.filter { $0.path.hasPrefix("Sources/") } }

  private func expect(
    none violations: [String], _ rule: Comment, _ location: SourceLocation = #_sourceLocation
  ) {
    for violation in violations { Issue.record("\(violation): \(rule)", sourceLocation: location) }
  }

  @Test func theTreeIsThere() {
    #expect(sources.count > 80)
    #expect(Set(sources.map(\.module)).isSuperset(of: ["CLaunch", "LinuxSystem", "OneOff"]))
  }

  // MARK: Modules

  /// What a module may import besides Swift's own; a module that is not listed is new.
  private static let allowedImports: [String: Set<String>] = [
    "CLaunch": [], "CGetopt": [], "CSeccomp": [],
    "LinuxSystem": ["CLaunch", "CGetopt", "Glibc", "SystemPackage", "Synchronization"],
    "ContainerSpec": ["SystemPackage"],
    "OneOff": [
      "ContainerSpec", "LinuxSystem", "SeccompPolicy", "SystemPackage", "FoundationEssentials",
    ],
    "Deploy": [
      "ContainerSpec", "LinuxSystem", "OneOff", "SystemPackage", "FoundationEssentials",
    ],
    "oneoff": [
      "ContainerSpec", "Deploy", "LinuxSystem", "OneOff", "SystemPackage", "FoundationEssentials",
    ],
    // Used at build time, too: it cannot be above LinuxSystem.
    "SeccompPolicy": ["CSeccomp", "Glibc", "FoundationEssentials"],
    "seccomp-generate": ["SeccompPolicy", "FoundationEssentials", "Glibc"],
  ]

  @Test func modulesImportOnlyWhatIsBelowThem() {
    let violations = sources.filter(\.isSwift).flatMap { file in
      let allowed = Self.allowedImports[file.module] ?? []
      return file.imports.subtracting(allowed).sorted().map { "\(file) imports \($0)" }
    }
    expect(none: violations, "dependencies point down only (ARCHITECTURE.md)")
  }

  @Test func everyModuleHasARule() {
    #expect(Set(sources.map(\.module)) == Set(Self.allowedImports.keys))
  }

  @Test func onlyTheKernelsModuleIsUnsafe() {
    let mayBeUnsafe: Set<String> = ["LinuxSystem", "SeccompPolicy", "seccomp-generate"]
    let violations = sources.filter { $0.isSwift && !mayBeUnsafe.contains($0.module) }
      .flatMap { file in
        numbered(file.code).filter { words($0.line).contains("unsafe") }
          .map { "\(file):\($0.number)" }
      }
    expect(none: violations, "only LinuxSystem writes unsafe")
  }

  @Test func everyUnsafeHasAReason() {
    let violations = sources.filter(\.isSwift).flatMap { file in
      unsafeWithoutReason(in: file).map { "\(file):\($0)" }
    }
    expect(none: violations, "a comment before it, in its block, says why it is safe")
  }

  @Test func theReasonOfUnsafeIsLookedFor() {
    let file = SourceFile(
      path: "x.swift",
      lines: [
        "func a() {", "  unsafe b()", "  // Safe: it reads.", "  unsafe b()", "  if c {",
        "    unsafe b()", "  }", "  unsafe b()", "}", "func d() {", "  unsafe b()", "  if c {",
        "    // Safe: it reads.", "    unsafe b()", "  }", "  unsafe b()  // safe", "}",
        "@unsafe func e() {}", "/// Safe.", "let f = unsafe b()",
      ])
    #expect(unsafeWithoutReason(in: file) == [2, 11, 16, 20])
  }

  @Test func nothingOfFoundationButItsEssentials() {
    let violations = sources.filter { $0.imports.contains("Foundation") }.map(\.path)
    expect(none: violations, "Foundation costs more at start-up than the container")
  }

  // MARK: Sizes

  @Test func filesAreShort() {
    let violations = files.filter { !$0.isGenerated && $0.lines.count > ($0.isC ? 600 : 400) }
      .map { "\($0) has \($0.lines.count) lines" }
    expect(none: violations, "at most 400 lines, 600 in C")
  }

  @Test func linesAreShort() {
    let violations = files.filter { !$0.isGenerated }.flatMap { file in
      numbered(file.lines).filter { $0.line.count > 100 }
        .map { "\(file):\($0.number) has \($0.line.count) columns" }
    }
    expect(none: violations, "at most 100 columns")
  }

  @Test func functionsAreShort() {
    let violations = files.filter { !$0.isGenerated }.flatMap { file in
      functions(of: file).filter { $0.length > 70 }
        .map { "\(file):\($0.start) is a function of \($0.length) lines" }
    }
    expect(none: violations, "at most 70 lines a function")
  }

  @Test func theLengthOfAFunctionIsMeasured() {
    let swift = SourceFile(
      path: "x.swift",
      lines: [
        "func a() {", "  if x {", "  }", "}", "var b: Int { 1 }", "init(", "  c: Int", ") {", "}",
      ])
    #expect(functions(of: swift).map(\.length) == [4, 4])
    #expect(functions(of: swift).map(\.start) == [1, 6])
    let c = SourceFile(
      path: "x.c", lines: ["struct a {", "};", "static int b(int c) {", "  d();", "}"])
    #expect(functions(of: c).map(\.length) == [3])
  }

  // MARK: Names and notes

  @Test func noTypeHasANameThatSaysNothing() {
    let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol"]
    let empty = ["Manager", "Util", "Utils", "Helper", "Helpers", "Handler", "Common"]
    let violations = files.filter(\.isSwift).flatMap { file in
      numbered(file.code).flatMap { number, line in
        let words = words(line)
        return zip(words, words.dropFirst())
          .filter { kind, name in kinds.contains(kind) && empty.contains { name.hasSuffix($0) } }
          .map { "\(file):\(number) \($0.1)" }
      }
    }
    expect(none: violations, "name what it is")
  }

  @Test func everyFunctionOfCHasThePrefix() {
    let violations = sources.filter { $0.isC && $0.module == "CLaunch" && !$0.isGenerated }
      .flatMap { file in
        functionNames(ofC: file).filter { !$0.name.hasPrefix("ol_") }
          .map { "\(file):\($0.number) \($0.name)" }
      }
    expect(none: violations, "functions begin with ol_")
  }

  @Test func everyNoteOfUnfinishedWorkHasAReason() {
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    let violations = files.flatMap { file in
      numbered(file.lines).filter { _, line in
        marks.contains { mark in
          guard let found = line.split(separator: mark, omittingEmptySubsequences: false).last,
            words(line).contains(mark)
          else { return false }
          return words(String(found)).count < 3
        }
      }.map { "\(file):\($0.number)" }
    }
    expect(none: violations, "say what is to be done, and why not now")
  }

  @Test func everyLineEndsWhereItsTextEnds() {
    let violations = files.filter { !$0.isGenerated }.flatMap { file in
      numbered(file.lines).filter { $0.line.last == " " || $0.line.contains("\t") }
        .map { "\(file):\($0.number)" }
    }
    expect(none: violations, "no trailing blank, no tab")
  }
}

private func numbered(_ lines: [String]) -> [(number: Int, line: String)] {
  lines.enumerated().map { ($0.offset + 1, $0.element) }
}

private func words(_ line: String) -> [String] {
  line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
}

/// The lines with `unsafe` for which no comment gives a reason: one with the word *safe*, which
/// counts for what follows it in its block, as the indentation shows it.
private func unsafeWithoutReason(in file: SourceFile) -> [Int] {
  var reason: Int?
  return zip(numbered(file.lines), file.code).compactMap { line, code in
    let text = line.line.drop { $0 == " " }
    let indentation = line.line.count - text.count
    if text.hasPrefix("// ") {
      if words(text.lowercased()).contains("safe") { reason = indentation }
      return nil
    }
    if let block = reason, !text.isEmpty, indentation < block { reason = nil }
    let isUnsafe = words(code.replacing("@unsafe", with: "")).contains("unsafe")
    return isUnsafe && reason == nil ? line.number : nil
  }
}

/// The functions of a file, as braces show them: from the line of the name to the closing brace.
private func functions(of file: SourceFile) -> [(start: Int, length: Int)] {
  var found: [(start: Int, length: Int)] = []
  var open: [(start: Int, depth: Int)] = []
  var waiting: Int?
  var depth = 0
  for (number, line) in numbered(file.code) {
    let begins =
      file.isSwift
      ? words(line).contains { ["func", "init", "deinit"].contains($0) } && !line.contains(".init")
      : depth == 0 && line.first?.isLetter == true && line.contains("(")
    if begins { waiting = number }
    for character in line {
      if character == "{" {
        if let start = waiting { open.append((start, depth)) }
        waiting = nil
        depth += 1
      } else if character == "}" {
        depth -= 1
        if let last = open.last, last.depth == depth {
          open.removeLast()
          found.append((last.start, number - last.start + 1))
        }
      }
    }
    if file.isC, line.hasSuffix(";") { waiting = nil }
  }
  return found
}

/// The names of the functions that a C file declares or defines at its outermost level.
private func functionNames(ofC file: SourceFile) -> [(number: Int, name: String)] {
  numbered(file.code).compactMap { number, line in
    guard line.first?.isLetter == true, !line.hasPrefix("typedef"), !line.hasPrefix("_Static_"),
      !line.contains("="), let parenthesis = line.firstIndex(of: "("),
      let name = words(String(line[..<parenthesis])).last,
      name != "__attribute__"
    else { return nil }
    return (number, name)
  }
}
