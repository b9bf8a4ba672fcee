package import SystemPackage

// How paths travel as JSON: as strings, and not as the storage that FilePath's own conformance
// writes, which is left for those that are not UTF-8. The conformances that the compiler makes for
// our types take these functions, as the most specific ones, in modules that import this one.

extension KeyedEncodingContainer {
  /// Writes a path.
  package mutating func encode(_ path: FilePath, forKey key: Key) throws {
    try encode(CodedPath(path: path), forKey: key)
  }

  /// Writes a path, unless there is none.
  package mutating func encodeIfPresent(_ path: FilePath?, forKey key: Key) throws {
    try encodeIfPresent(path.map(CodedPath.init), forKey: key)
  }

  /// Writes a list of paths.
  package mutating func encode(_ paths: [FilePath], forKey key: Key) throws {
    try encode(paths.map(CodedPath.init), forKey: key)
  }
}

extension KeyedDecodingContainer {
  /// Reads a path.
  package func decode(_ type: FilePath.Type, forKey key: Key) throws -> FilePath {
    try decode(CodedPath.self, forKey: key).path
  }

  /// Reads a path, where there is one.
  package func decodeIfPresent(_ type: FilePath.Type, forKey key: Key) throws -> FilePath? {
    try decodeIfPresent(CodedPath.self, forKey: key)?.path
  }

  /// Reads a list of paths.
  package func decode(_ type: [FilePath].Type, forKey key: Key) throws -> [FilePath] {
    try decode([CodedPath].self, forKey: key).map(\.path)
  }
}

private struct CodedPath: Codable {
  let path: FilePath

  init(path: FilePath) { self.path = path }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(ByteString.self) {
      self.path = FilePath(text)
    } else {
      self.path = try container.decode(FilePath.self)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let text = String(validating: path) {
      try container.encode(text)
    } else {
      try container.encode(path)
    }
  }
}
