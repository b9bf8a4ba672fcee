import ContainerSpec
import Deploy
import FoundationEssentials
import SystemPackage

/// A file of options by their names, such as `{"rootfs": "/srv/image", "layer": ["/srv/ruby"]}`:
/// JSON, in which comments and what else JSON5 allows may stand.
struct OptionFile {
  /// The most bytes of it: 1 MiB.
  static let maximumSize = 1 << 20

  /// The options, in the order of their names; those of a list in its order.
  let options: [GivenOption]

  /// Reads a file.
  ///
  /// - Throws: ``SpecError`` with the place of what is wrong.
  init(_ path: FilePath) throws(SpecError) {
    let bytes = try readInput(path, limit: Self.maximumSize, kind: "configuration")
    let members: [String: Value]
    do {
      let decoder = JSONDecoder()
      decoder.allowsJSON5 = true
      members = try decoder.decode([String: Value].self, from: Data(bytes))
    } catch {
      throw Self.explain(error, path)
    }
    var options: [GivenOption] = []
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard name != "config" else {
        throw SpecError(
          "\(path.string.onOneLine): config: a file of options cannot name another one",
          remedy: "write the options into one file")
      }
      for text in value.texts {
        options.append(
          GivenOption(name: name, value: try ByteString(text, subject: "\(path): \(name)")))
      }
    }
    self.options = options
  }

  /// A text, a number, a switch, or a list of those.
  private enum Value: Decodable {
    case single(String)
    case off
    case list([Value])

    init(from decoder: any Decoder) throws {
      if var list = try? decoder.unkeyedContainer() {
        var values: [Value] = []
        while !list.isAtEnd { values.append(try list.decode(Value.self)) }
        self = .list(values)
        return
      }
      let container = try decoder.singleValueContainer()
      if let isOn = try? container.decode(Bool.self) {
        self = isOn ? .single("") : .off
      } else if let number = try? container.decode(Int.self) {
        self = .single("\(number)")
      } else if let number = try? container.decode(Double.self) {
        self = .single("\(number)")
      } else {
        self = .single(try container.decode(String.self))
      }
    }

    var texts: [String] {
      switch self {
      case .single(let text): [text]
      case .off: []
      case .list(let values): values.flatMap(\.texts)
      }
    }
  }

  private static func explain(_ error: any Error, _ path: FilePath) -> SpecError {
    let shown = path.string.onOneLine
    let remedy = "write options by their names, such as {\"rootfs\": \"/srv/image\"}"
    guard let error = error as? DecodingError else {
      return SpecError("\(shown): it cannot be read: \(error)".onOneLine, remedy: remedy)
    }
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .keyNotFound(_, let context):
      let place = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
      guard !place.isEmpty else {
        return SpecError("\(shown): it is no JSON object", remedy: remedy)
      }
      return SpecError(
        "\(shown): \(place.joined(separator: ".")): expected a text, a number, true, false, "
          + "or a list of those".onOneLine, remedy: remedy)
    case .dataCorrupted(let context):
      let detail = context.underlyingError.map { "\($0)" } ?? context.debugDescription
      return SpecError("\(shown): it is not JSON: \(detail)".onOneLine, remedy: remedy)
    @unknown default:
      return SpecError("\(shown): it cannot be read", remedy: remedy)
    }
  }
}

extension Options {
  /// These options with those of the file that they name, over which they win.
  ///
  /// - Throws: ``SpecError`` for what is wrong with the file.
  func withConfiguration(of verb: Verb) throws(SpecError) -> Options {
    guard let path = deploy.configuration else { return self }
    let parser = OptionParser(options: verb.options, verb: verb)
    let inFile = try OptionFile(path).options
    let own = given
    do {
      // First alone, so that an error names the file.
      _ = try parser.parse(inFile)
    } catch {
      throw SpecError("\(path.string.onOneLine): \(error.message)", remedy: error.remedy)
    }
    var merged = try parser.parse(inFile + own)
    merged.given = own
    return merged
  }
}
