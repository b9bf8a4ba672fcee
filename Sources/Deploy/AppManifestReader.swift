import ContainerSpec
import FoundationEssentials

/// What is wrong with a manifest, before it is known which file it is.
struct ManifestFault: Error {
  /// Where in the file, such as `scripts.postdeploy`; empty for the file as a whole.
  var place: String
  var message: String
  var remedy: String
}

/// What is taken of a manifest's JSON.
struct ManifestContents: Decodable {
  private(set) var scripts: [AppManifest.Script] = []
  private(set) var scriptNames: [String] = []
  private(set) var variables: [AppManifest.Variable] = []

  /// Where the commands of phases stand: the names of the phases are oneoff's own, but for the
  /// manifest's words.
  private static let places: [(phase: Phase, keys: [String])] = [
    (.postdeploy, ["postdeploy"]), (.firstDeploy, ["first-deploy"]),
    (.dokkuPredeploy, ["dokku", "predeploy"]), (.dokkuPostdeploy, ["dokku", "postdeploy"]),
    (.prPredestroy, ["pr-predestroy"]),
  ]

  /// The names of all phases that a manifest can have.
  static var phaseNames: [String] { places.map(\.phase.name) }

  init(reading bytes: [UInt8]) throws(ManifestFault) {
    // The decoder would also take UTF-16, which nobody else does.
    guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
      throw ManifestFault(place: "", message: "is not UTF-8", remedy: "save it as UTF-8")
    }
    do {
      self = try JSONDecoder().decode(ManifestContents.self, from: Data(bytes))
    } catch let fault as ManifestFault {
      throw fault
    } catch {
      // The decoder does not say where.
      throw ManifestFault(
        place: "", message: "is not JSON, or nested too deeply",
        remedy: "find the place with: python3 -m json.tool FILE, or jq . FILE")
    }
  }

  init(from decoder: any Decoder) throws {
    let root = try JSONObject(decoder)
    if let scripts = try root.object("scripts") { try readScripts(scripts) }
    if let variables = try root.object("env") { try readVariables(variables) }
  }

  private mutating func readScripts(_ object: JSONObject) throws {
    scriptNames = object.keys
    for (phase, keys) in Self.places {
      var holder: JSONObject? = object
      for key in keys.dropLast() { holder = try holder?.object(key) }
      guard let holder, let key = keys.last, let text = try holder.string(key) else { continue }
      let command = try Self.command(text, at: holder.place(of: key))
      scripts.append(.init(phase: phase, jsonPath: holder.place(of: key), command: command))
    }
  }

  private static func command(_ text: String, at place: String) throws -> ByteString {
    let isBlankOrEnd = { (byte: UInt8) in byte.isBlank || byte.isLineEnd }
    let start = Array(text.utf8).drop(while: isBlankOrEnd)
    let bytes = Array(start.dropLast(start.reversed().prefix(while: isBlankOrEnd).count))
    guard !bytes.isEmpty else {
      throw ManifestFault(
        place: place, message: "there is no command",
        remedy: "write one, or remove \"\(place.split(separator: ".").last ?? "")\"")
    }
    let isControl = { (byte: UInt8) in
      (byte < 0x20 && byte != UInt8(ascii: "\t") && byte != UInt8(ascii: "\n")) || byte == 0x7f
    }
    if let control = bytes.first(where: isControl) {
      throw ManifestFault(
        place: place, message: "contains the control character \(control)",
        remedy: "remove it; of control characters a command can have tabs and line feeds")
    }
    return try ByteString(bytes: bytes, subject: place)
  }

  private mutating func readVariables(_ object: JSONObject) throws {
    let names = object.keys
    guard names.count <= RunSpec.maximumVariables else {
      throw ManifestFault(
        place: "env", message: "has more than \(RunSpec.maximumVariables) variables",
        remedy: "check that it is the right file")
    }
    for name in names {
      try Self.checkName(name, at: object.place(of: name))
      variables.append(try Self.variable(name, in: object))
    }
  }

  private static func checkName(_ name: String, at place: String) throws(ManifestFault) {
    let bytes = Array(name.utf8)
    guard (1...64).contains(bytes.count), !bytes[0].isDigit,
      bytes.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "_") })
    else {
      throw ManifestFault(
        place: place, message: "cannot be the name of a variable",
        remedy: "use 1 to 64 of A-Z a-z 0-9 _, the first no digit")
    }
  }

  private static func variable(
    _ name: String, in object: JSONObject
  ) throws -> AppManifest.Variable {
    switch object.kind(of: name) {
    case .string:
      let value = try object.string(name) ?? ""
      return AppManifest.Variable(
        name: name, defaultValue: try checkedValue(value, at: object.place(of: name)),
        isGenerated: false, isRequired: true, description: nil)
    case .object:
      guard let members = try object.object(name) else { preconditionFailure("it is an object") }
      let value = try members.string("value")
      let defaultValue = try value.map { try checkedValue($0, at: members.place(of: "value")) }
      return AppManifest.Variable(
        name: name, defaultValue: defaultValue,
        // Generators that are another platform's make no value here: then somebody must set it.
        isGenerated: try members.string("generator") == "secret" && defaultValue == nil,
        isRequired: try members.boolean("required") ?? true,
        description: try members.string("description").map { String($0.onOneLine.prefix(200)) })
    case let kind: throw object.fault(name, expected: "a string or an object", found: kind)
    }
  }

  /// The value itself is in no message.
  private static func checkedValue(_ value: String, at place: String) throws -> ByteString {
    guard value.utf8.count <= EnvironmentFile.maximumValue else {
      throw ManifestFault(
        place: place, message: "has \(value.utf8.count) bytes",
        remedy: "use at most \(EnvironmentFile.maximumValue)")
    }
    guard !value.utf8.contains(0) else {
      throw ManifestFault(
        place: place, message: "contains a NUL byte",
        remedy: "remove it; the kernel cannot pass it on")
    }
    return try ByteString(value, subject: place)
  }
}

/// An object of JSON that knows where it stands.
private struct JSONObject {
  /// What a value is, in words.
  enum Kind: String {
    case null = "null"
    case boolean = "true or false"
    case string = "a string"
    case array = "an array"
    case object = "an object"
    case number = "a number"
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private let container: KeyedDecodingContainer<Key>
  /// The keys that lead here, with dots between them.
  private let path: String

  init(_ decoder: any Decoder) throws {
    do {
      container = try decoder.container(keyedBy: Key.self)
    } catch DecodingError.typeMismatch, DecodingError.valueNotFound {
      throw ManifestFault(
        place: "", message: "expected an object", remedy: "begin the file with { and end it with }")
    }
    path = ""
  }

  private init(_ container: KeyedDecodingContainer<Key>, path: String) {
    self.container = container
    self.path = path
  }

  /// The keys in the order of their bytes; the decoder has them in none.
  var keys: [String] {
    container.allKeys.map(\.stringValue).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Where a member stands in the file.
  func place(of key: String) -> String {
    let isPlain =
      !key.isEmpty
      && key.utf8.allSatisfy {
        $0.isAlphanumeric || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
    let shown = isPlain && key.utf8.count <= 100 ? key : String(quoting: key)
    return path.isEmpty ? shown : "\(path).\(shown)"
  }

  /// The string of a member; nil where there is none, or it is null.
  func string(_ key: String) throws -> String? {
    try value(key, .string) { try container.decode(String.self, forKey: $0) }
  }

  /// The truth of a member; nil where there is none, or it is null.
  func boolean(_ key: String) throws -> Bool? {
    try value(key, .boolean) { try container.decode(Bool.self, forKey: $0) }
  }

  /// The object of a member; nil where there is none, or it is null.
  func object(_ key: String) throws -> JSONObject? {
    try value(key, .object) {
      JSONObject(
        try container.nestedContainer(keyedBy: Key.self, forKey: $0), path: place(of: key))
    }
  }

  private func value<Value>(
    _ key: String, _ kind: Kind, _ decode: (Key) throws -> Value
  ) throws -> Value? {
    let codingKey = Key(stringValue: key)
    guard container.contains(codingKey), try !container.decodeNil(forKey: codingKey) else {
      return nil
    }
    do {
      return try decode(codingKey)
    } catch DecodingError.typeMismatch {
      throw fault(key, expected: kind.rawValue, found: self.kind(of: key))
    } catch let fault as ManifestFault {
      throw fault
    } catch {
      throw ManifestFault(
        place: place(of: key), message: "is no text",
        remedy: "write control characters as \\u00XX, and surrogates in pairs")
    }
  }

  func fault(_ key: String, expected: String, found: Kind) -> ManifestFault {
    ManifestFault(
      place: place(of: key), message: "expected \(expected), found \(found.rawValue)",
      remedy: found == .number || found == .boolean
        ? "put it in double quotes, or see docs/manifest.md"
        : "see docs/manifest.md for what stands there")
  }

  /// What a member is, found out by asking for it.
  func kind(of key: String) -> Kind {
    let key = Key(stringValue: key)
    if (try? container.decodeNil(forKey: key)) == true { return .null }
    if (try? container.decode(Bool.self, forKey: key)) != nil { return .boolean }
    if (try? container.nestedUnkeyedContainer(forKey: key)) != nil { return .array }
    if (try? container.nestedContainer(keyedBy: Key.self, forKey: key)) != nil { return .object }
    if (try? container.decode(Double.self, forKey: key)) != nil { return .number }
    // Also one that is no text, of which decoding it says so.
    return .string
  }
}
