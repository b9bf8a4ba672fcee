// How the checked values travel as JSON: as plain strings, checked again when read.

extension ByteString: Codable {
  private enum CodingKeys: String, CodingKey { case bytes }

  /// Reads a string, or `{"bytes": […]}` where the bytes are not UTF-8.
  public init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      try self.init(bytes: Array(text.utf8), subject: "a string")
    } else {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      try self.init(bytes: container.decode([UInt8].self, forKey: .bytes), subject: "a string")
    }
  }

  /// Writes a string, or `{"bytes": […]}` where the bytes are not UTF-8.
  public func encode(to encoder: any Encoder) throws {
    if let text = String(validating: bytes, as: UTF8.self) {
      var container = encoder.singleValueContainer()
      try container.encode(text)
    } else {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(bytes, forKey: .bytes)
    }
  }
}

extension RunID: Codable {
  /// Reads and checks a name.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  /// Writes the name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Hostname: Codable {
  /// Reads and checks a name.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  /// Writes the name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension CapabilitySet: Codable {
  /// Reads and checks a list of names.
  public init(from decoder: any Decoder) throws {
    self = []
    for name in try decoder.singleValueContainer().decode([ByteString].self) {
      formUnion(try CapabilitySet(parsing: name))
    }
  }

  /// Writes a list of names.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(members.map(\.name))
  }
}

extension EnvironmentVariable {
  /// Reads a name, which is checked, and a value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      name: container.decode(String.self, forKey: .name),
      value: container.decode(ByteString.self, forKey: .value))
  }
}
