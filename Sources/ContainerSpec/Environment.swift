extension EnvironmentVariable {
  /// Reads `NAME=VALUE`; the value is everything after the first `=`, byte by byte.
  ///
  /// - Throws: ``SpecError`` when there is no `=`, or the name is empty or not UTF-8. The message
  ///   never shows the value.
  public init(parsing text: ByteString) throws(SpecError) {
    guard let equals = text.bytes.firstIndex(of: UInt8(ascii: "=")) else {
      throw SpecError(
        "\(String(quoting: text.bytes)) has no value", remedy: "write it as NAME=VALUE")
    }
    guard let name = String(validating: text.bytes[..<equals], as: UTF8.self) else {
      throw SpecError(
        "the name \(String(quoting: text.bytes[..<equals])) of a variable is not UTF-8",
        remedy: "use A-Z a-z 0-9 and _ in names")
    }
    let value = try ByteString(
      bytes: Array(text.bytes[(equals + 1)...]), subject: "the value of \(String(quoting: name))")
    try self.init(name: name, value: value)
  }
}

extension [EnvironmentVariable] {
  /// Adds variables; one whose name is there already replaces that one's value in its place.
  public mutating func set(_ variables: some Sequence<EnvironmentVariable>) {
    var positions = Dictionary(
      enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
    for variable in variables {
      if let position = positions[variable.name] {
        self[position] = variable
      } else {
        positions[variable.name] = count
        append(variable)
      }
    }
  }

  /// Adds variables whose names are not there already.
  public mutating func setDefaults(_ variables: some Sequence<EnvironmentVariable>) {
    let names = Set(map(\.name))
    append(contentsOf: variables.filter { !names.contains($0.name) })
  }
}

extension RunSpec {
  /// The PATH of a command for which none is given: Debian's for root.
  public static let defaultPath: ByteString =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
