// How a profile is read from JSON: every key is known, or reading fails.

/// Any key of a JSON object, to see those that nobody asked for.
private struct AnyKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// The object's values by key.
  ///
  /// - Throws: `DecodingError` when the object has a key that `Key` does not.
  fileprivate func strictContainer<Key: CodingKey>(
    keyedBy type: Key.Type
  ) throws -> KeyedDecodingContainer<Key> {
    let present = try container(keyedBy: AnyKey.self).allKeys
    if let unknown = present.first(where: { Key(stringValue: $0.stringValue) == nil }) {
      throw DecodingError.dataCorrupted(
        .init(codingPath: codingPath + [unknown], debugDescription: "unknown key"))
    }
    return try container(keyedBy: type)
  }
}

extension SeccompProfile: Decodable {
  private enum CodingKeys: String, CodingKey {
    case defaultAction, defaultErrnoRet, archMap, syscalls
  }

  /// Reads a profile.
  ///
  /// - Throws: `DecodingError` for a missing, misspelt or wrongly typed key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    defaultAction = try container.decode(ActionName.self, forKey: .defaultAction)
    defaultErrnoRet = try container.decodeIfPresent(UInt16.self, forKey: .defaultErrnoRet)
    archMap = try container.decodeIfPresent([ArchitectureMapping].self, forKey: .archMap)
    syscalls = try container.decode([Rule].self, forKey: .syscalls)
  }
}

extension SeccompProfile.ArchitectureMapping: Decodable {
  private enum CodingKeys: String, CodingKey { case architecture, subArchitectures }

  /// Reads an architecture.
  ///
  /// - Throws: `DecodingError` for a missing, misspelt or wrongly typed key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    architecture = try container.decode(String.self, forKey: .architecture)
    subArchitectures = try container.decodeIfPresent([String].self, forKey: .subArchitectures)
  }
}

extension SeccompProfile.Rule: Decodable {
  private enum CodingKeys: String, CodingKey {
    case names, action, errnoRet, args, includes, excludes, comment
  }

  /// Reads a rule.
  ///
  /// - Throws: `DecodingError` for a missing, misspelt or wrongly typed key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    names = try container.decode([String].self, forKey: .names)
    action = try container.decode(SeccompProfile.ActionName.self, forKey: .action)
    errnoRet = try container.decodeIfPresent(UInt16.self, forKey: .errnoRet)
    args = try container.decodeIfPresent([SeccompProfile.Condition].self, forKey: .args)
    includes = try container.decodeIfPresent(SeccompProfile.Filter.self, forKey: .includes)
    excludes = try container.decodeIfPresent(SeccompProfile.Filter.self, forKey: .excludes)
    comment = try container.decodeIfPresent(String.self, forKey: .comment)
  }
}

extension SeccompProfile.Condition: Decodable {
  private enum CodingKeys: String, CodingKey { case index, value, valueTwo, op }

  /// Reads a condition.
  ///
  /// - Throws: `DecodingError` for a missing, misspelt or wrongly typed key, and for an index
  ///   that no argument has.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    index = try container.decode(Int.self, forKey: .index)
    value = try container.decode(UInt64.self, forKey: .value)
    valueTwo = try container.decodeIfPresent(UInt64.self, forKey: .valueTwo)
    op = try container.decode(SeccompProfile.Comparison.self, forKey: .op)
    guard (0...5).contains(index) else {
      throw DecodingError.dataCorruptedError(
        forKey: .index, in: container, debugDescription: "a system call has arguments 0…5")
    }
  }
}

extension SeccompProfile.Filter: Decodable {
  private enum CodingKeys: String, CodingKey { case caps, arches, minKernel }

  /// Reads a filter.
  ///
  /// - Throws: `DecodingError` for a misspelt or wrongly typed key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    caps = try container.decodeIfPresent([String].self, forKey: .caps)
    arches = try container.decodeIfPresent([String].self, forKey: .arches)
    minKernel = try container.decodeIfPresent(KernelVersion.self, forKey: .minKernel)
  }
}

extension KernelVersion: Decodable {
  /// Reads a string such as `4.8`.
  ///
  /// - Throws: `DecodingError` for any other text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let version = try KernelVersion(container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a kernel version is MAJOR.MINOR")
    }
    self = version
  }
}
