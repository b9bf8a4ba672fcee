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
  /// - Parameter known: the options that there are.
  /// - Throws: ``SpecError`` with the place of what is wrong.
  init(_ path: FilePath, known: [CommandOption]) throws(SpecError) {
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
      let place = "\(path): \(name)".onOneLine
      guard name != "config" else {
        throw SpecError(
          "\(place): a file of options cannot name another one",
          remedy: "write the options into one file")
      }
      var texts = [""]
      // Whoever reads the options knows what to say of one that there is not.
      if let option = known.first(where: { $0.name == name }) {
        texts = try value.texts(for: option, place)
      }
      for text in texts {
        options.append(GivenOption(name: name, value: try ByteString(text, subject: place)))
      }
    }
    self.options = options
  }

  /// A text, a number, true or false, or a list of texts and numbers.
  private enum Value: Decodable {
    case single(String)
    case flag(Bool)
    case list([String])

    init(from decoder: any Decoder) throws {
      if var list = try? decoder.unkeyedContainer() {
        var texts: [String] = []
        while !list.isAtEnd {
          guard case .single(let text) = try list.decode(Value.self) else {
            throw DecodingError.typeMismatch(
              String.self,
              .init(codingPath: list.codingPath, debugDescription: "not a text in a list"))
          }
          texts.append(text)
        }
        self = .list(texts)
        return
      }
      let container = try decoder.singleValueContainer()
      if let isOn = try? container.decode(Bool.self) {
        self = .flag(isOn)
      } else if let number = try? container.decode(Int.self) {
        self = .single("\(number)")
      } else if let number = try? container.decode(Double.self) {
        self = .single("\(number)")
      } else {
        self = .single(try container.decode(String.self))
      }
    }

    /// The values that it gives to an option, one for each time; none for a switch that is off.
    ///
    /// - Throws: ``SpecError`` where the option is none of this kind.
    func texts(for option: CommandOption, _ place: String) throws(SpecError) -> [String] {
      switch self {
      case .flag(let isOn) where option.value == nil: return isOn ? [""] : []
      case .single(let text) where option.value != nil: return [text]
      case .list(let texts) where option.isRepeatable: return texts
      default: break
      }
      let expected =
        option.value == nil
        ? "true or false"
        : "a text or a number" + (option.isRepeatable ? ", or a list of them" : "")
      throw SpecError("\(place): expected \(expected)", remedy: OptionFile.remedy)
    }
  }

  private static let remedy =
    "write options by their names, such as {\"rootfs\": \"/srv/image\", \"once\": true}"

  private static func explain(_ error: any Error, _ path: FilePath) -> SpecError {
    let shown = path.string.onOneLine
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
        "\(shown): \(place.joined(separator: ".").onOneLine): expected a text, a number, true, "
          + "false, or a list of texts and numbers", remedy: remedy)
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
  /// - Parameter directory: where a relative path of the file begins.
  /// - Throws: ``SpecError`` for what is wrong with the file.
  func withConfiguration(
    of verb: Verb, from directory: FilePath = "."
  ) throws(SpecError) -> Options {
    guard let name = deploy.configuration else { return self }
    let path = name.isAbsolute || directory == "." ? name : directory.pushing(name)
    let known = verb.groups.flatMap(\.options)
    let parser = OptionParser(options: known, verb: verb)
    let inFile = try OptionFile(path, known: known).options
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
