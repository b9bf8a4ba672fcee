import ContainerSpec

extension FuzzTarget {
  /// A file of `NAME=VALUE` lines.
  static let environmentFile = FuzzTarget(name: "environment-file") { bytes in
    let variables: [EnvironmentVariable]
    do {
      variables = try EnvironmentFile.parse(bytes, fileName: "env")
    } catch {
      try checkError(error, in: bytes)
      let again = try? EnvironmentFile.parse(bytes.withCarriageReturns, fileName: "env")
      try hold(bytes.contains(13) || again == nil, "an error with CR LF, too")
      return
    }
    for variable in variables {
      let name = Array(variable.name.utf8)
      try hold((1...64).contains(name.count), "a name has 1 to 64 bytes")
      try hold(
        name.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "_") } && !name[0].isDigit,
        "a name is of letters, digits and _")
      try hold(variable.value.bytes.count <= 32_768, "a value has at most 32768 bytes")
    }
    try hold(
      try EnvironmentFile.parse(printed(variables), fileName: "env") == variables,
      "print and read again")
    if !bytes.contains(13) {
      try hold(
        try EnvironmentFile.parse(bytes.withCarriageReturns, fileName: "env") == variables,
        "the same variables with CR LF")
    }
    try hold(
      try EnvironmentFile.parse(bytes + [10], fileName: "env") == variables,
      "the same variables with one more line end")
  }

  /// The variables in double quotes, with everything escaped that would mean something else.
  private static func printed(_ variables: [EnvironmentVariable]) -> [UInt8] {
    variables.flatMap { variable in
      let value = variable.value.bytes.flatMap { byte in
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\r"): Array(#"\r"#.utf8)
        default: [byte]
        }
      }
      return Array("\(variable.name)=\"".utf8) + value + Array("\"\n".utf8)
    }
  }

  /// An error says where, and nothing of a value: only names can be in it, which are of few bytes.
  private static func checkError(_ error: any Error, in bytes: [UInt8]) throws {
    guard let error = error as? SpecError else { throw error }
    try hold(error.remedy != nil, "an error says what to do")
    try hold(
      error.message.unicodeScalars.allSatisfy { (32..<127).contains($0.value) || $0 == "…" },
      "an error shows nothing of a value")
    guard !error.message.contains("more than") else { return }
    let place = error.message.split(separator: ":").prefix(3)
    guard place.count == 3, place[0] == "env", let line = Int(place[1]), let column = Int(place[2])
    else { throw Violation(description: "no place in \(error.message)") }
    let lines = (bytes + [10]).lines
    try hold((1...lines.count).contains(line), "an error is in a line of the file")
    try hold((1...lines[line - 1].count).contains(column), "an error is in a column of its line")
  }
}
