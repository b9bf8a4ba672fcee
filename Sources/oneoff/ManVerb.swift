import ContainerSpec

/// `oneoff man`: the manual, from the same table as the help.
enum ManVerb {
  static let verb = Verb(
    name: "man",
    summary: "Print a manual page in man(7) format",
    operands: "[VERB]",
    operandCompletion: .words(Verb.visible.map(\.name)),
    groups: [
      OptionGroup(
        "Pages",
        [
          CommandOption(
            name: "list", help: "print the names of all pages instead, one a line"
          ) { options, _ in options.wantsList = true }
        ])
    ],
    examples: [
      .init(command: "oneoff man run | man -l -", purpose: "read the page of oneoff run")
    ]
  ) { invocation in
    if invocation.options.wantsList {
      let names = ["oneoff"] + Verb.visible.map { "oneoff-\($0.name)" }
      try Printer.print(names.map { $0 + "\n" }.joined())
      return 0
    }
    guard invocation.operands.count <= 1 else {
      throw SpecError("oneoff man prints one page at a time", remedy: "name one verb")
    }
    guard let word = invocation.operands.first?.description else {
      try Printer.print(ManPage.overview)
      return 0
    }
    guard let verb = Verb.visible.first(where: { $0.name == word }) else {
      throw SpecError(
        "there is no manual page for \(String(quoting: word))",
        remedy: suggestion(
          for: word, in: Verb.visible.map(\.name), otherwise: "oneoff --help lists the verbs"))
    }
    try Printer.print(ManPage(of: verb).text)
    return 0
  }
}
