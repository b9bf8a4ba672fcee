import ContainerSpec
import LinuxSystem

/// The program as its caller sees it: a verb with options in, an exit status out.
enum CommandLineTool {
  /// The exit status when oneoff itself failed before a command started.
  static let failureStatus: Int32 = 125

  /// Does what the arguments say, and prints what went wrong; returns the exit status.
  static func run(_ arguments: ArgumentVector) -> Int32 {
    do {
      return try perform(arguments)
    } catch let failure as VerbFailure {
      Printer.printError(failure.description)
      return failure.status
    } catch {
      Printer.printError("\(error)")
      return failureStatus
    }
  }

  /// Does what the arguments say; returns the exit status.
  static func perform(_ arguments: ArgumentVector) throws -> Int32 {
    guard arguments.count > 0 else { throw missingVerb }
    let (global, operands) = try OptionParser(options: Verb.globalOptions, verb: nil)
      .parse(arguments, after: 0)
    if global.wantsHelp {
      try Printer.print(HelpPage.overview)
      return 0
    }
    if global.wantsVersion { return try VersionVerb.verb.perform(Invocation()) }
    guard let word = operands.first?.description else { throw missingVerb }
    guard let verb = Verb.named(word) else {
      throw SpecError(
        "\(String(quoting: word)) is not a verb of oneoff",
        remedy: suggestion(
          for: word, in: Verb.visible.map(\.name), otherwise: "oneoff --help lists the verbs"))
    }
    let (options, rest) = try OptionParser(options: verb.options, verb: verb)
      .parse(arguments, after: arguments.count - operands.count)
    if options.wantsHelp {
      try Printer.print(HelpPage(of: verb).text)
      return 0
    }
    guard verb.operands != nil || rest.isEmpty else {
      throw SpecError(
        "oneoff \(verb.name) takes no operand, but got \(String(quoting: rest[0].bytes))",
        remedy: "see oneoff \(verb.name) --help")
    }
    return try verb.perform(Invocation(options: options, operands: rest))
  }

  private static let missingVerb = SpecError(
    "there is no verb", remedy: "oneoff --help lists them; a first try: oneoff run --rootfs / -- id"
  )
}
