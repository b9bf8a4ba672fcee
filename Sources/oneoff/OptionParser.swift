import ContainerSpec
import Deploy
import LinuxSystem

/// Turns arguments into options by a table, with messages of our own.
struct OptionParser {
  let options: [CommandOption]
  /// The verb whose options they are; nil for those before a verb.
  let verb: Verb?

  /// Reads the options and operands that follow the argument at `start`.
  func parse(
    _ arguments: ArgumentVector, after start: Int
  ) throws(SpecError) -> (Options, [ByteString]) {
    let scanned: ScannedArguments
    do {
      scanned = try arguments.scan(after: start, patterns: options.map(\.pattern))
    } catch {
      throw explain(error)
    }
    var values = Options()
    for given in scanned.options {
      let option = options[given.index]
      do {
        let value = try ByteString(bytes: given.value ?? [], subject: "the value")
        try option.apply(&values, value)
        values.given.append(GivenOption(name: option.name, value: value))
      } catch {
        throw SpecError("--\(option.name): \(error.message)", remedy: error.remedy)
      }
      // Whoever asks for help has not got the rest right yet.
      if values.wantsHelp { break }
    }
    var operands: [ByteString] = []
    for operand in scanned.operands {
      operands.append(try ByteString(bytes: operand, subject: "an argument"))
    }
    return (values, operands)
  }

  /// Reads options that were given before, or stand in a file.
  ///
  /// - Throws: ``SpecError`` that names the option.
  func parse(_ given: [GivenOption]) throws(SpecError) -> Options {
    var values = Options()
    for entry in given {
      guard let option = options.first(where: { $0.name == entry.name }) else {
        throw explain(.unknown(Array("--\(entry.name)".utf8)))
      }
      do {
        try option.apply(&values, entry.value)
      } catch {
        throw SpecError("--\(option.name): \(error.message)", remedy: error.remedy)
      }
    }
    values.given = given
    return values
  }

  private func explain(_ fault: OptionFault) -> SpecError {
    let program = verb.map { "oneoff \($0.name)" } ?? "oneoff"
    switch fault {
    case .unknown(let text):
      let word = String(decoding: text.drop { $0 == UInt8(ascii: "-") }, as: UTF8.self)
      let near = text.count > 2 ? nearest(to: word, in: options.map(\.name)) : nil
      return SpecError(
        "\(program) has no option \(String(quoting: text))",
        remedy: near.map { "did you mean '--\($0)'?" } ?? "\(program) --help lists the options")
    case .missingValue(let index):
      let option = options[index]
      return SpecError(
        "the option --\(option.name) needs a value",
        remedy: "write it as --\(option.name) \(option.value?.metavariable ?? "VALUE")")
    case .unexpectedValue(let index):
      return SpecError(
        "the option --\(options[index].name) takes no value",
        remedy: "write it as --\(options[index].name)")
    case .ambiguous(let text, let candidates):
      let names = candidates.map { "--\($0)" }.joined(separator: ", ")
      return SpecError(
        "\(String(quoting: text)) could mean more than one option", remedy: "write one of \(names)")
    }
  }
}

extension CommandOption {
  var pattern: OptionPattern {
    OptionPattern(
      name: name, letter: letter?.asciiValue, takesValue: value != nil, isSecret: isSecret)
  }
}
