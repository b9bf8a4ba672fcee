public import SystemPackage

/// A file, directory or symbolic link that a run leaves on the host when it has succeeded.
public struct Export: Sendable, Hashable, Codable {
  /// The absolute path inside, as the command saw it.
  public var source: FilePath
  /// What it becomes on the host; the directory above it must exist.
  public var destination: FilePath

  /// Names an export.
  public init(source: FilePath, destination: FilePath) {
    self.source = source
    self.destination = destination
  }

  /// Reads `PATH=HOSTPATH`. The first `=` parts the two.
  ///
  /// - Throws: ``SpecError`` when a part is missing, or the first is not a path inside.
  package init(parsing text: ByteString) throws(SpecError) {
    guard let separator = text.bytes.firstIndex(of: UInt8(ascii: "=")) else {
      throw SpecError(
        "the export \(String(quoting: text.bytes)) does not say where to",
        remedy: "write it as PATH=HOSTPATH, such as /app/public=./public")
    }
    self.init(
      source: FilePath(
        try ByteString(bytes: Array(text.bytes[..<separator]), subject: "an export's path")),
      destination: FilePath(
        try ByteString(
          bytes: Array(text.bytes[(separator + 1)...]), subject: "an export's destination")))
    self = try checked()
  }

  /// The export, its source without `.` components.
  ///
  /// - Throws: ``SpecError`` when the source is not a place inside, or the destination has no name.
  func checked() throws(SpecError) -> Export {
    let source = try source.checkedPlace("path", of: "an export")
    guard !destination.isEmpty else {
      throw SpecError(
        "the export of \(String(quoting: source.string)) has no destination",
        remedy: "write it as PATH=HOSTPATH, such as /app/public=./public")
    }
    guard destination.lastComponent?.kind == .regular else {
      throw SpecError(
        "the destination \(String(quoting: destination.string)) of an export ends with no name",
        remedy: "end it with the name that it shall have, such as ./public")
    }
    return Export(source: source, destination: destination)
  }
}

extension RunSpec {
  /// The most exports: as for mounts, few enough to be compared one by one.
  public static let maximumExports = 100

  func validateExports() throws(SpecError) {
    guard !exports.isEmpty else {
      guard !replacesExports else {
        throw SpecError(
          "there is no export that could replace anything", remedy: "add --export PATH=HOSTPATH")
      }
      return
    }
    guard exports.count <= Self.maximumExports else {
      throw SpecError(
        "\(exports.count) exports are too many",
        remedy: "use at most \(Self.maximumExports); export a directory")
    }
    var destinations: [FilePath] = []
    for export in exports {
      let destination = try export.checked().destination.lexicallyNormalized()
      guard !destinations.contains(destination) else {
        throw SpecError(
          "two exports have the destination \(String(quoting: destination.string))",
          remedy: "give each of them its own")
      }
      destinations.append(destination)
    }
  }
}
