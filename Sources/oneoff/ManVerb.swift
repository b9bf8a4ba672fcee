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
    let verb = try invocation.explainedVerb(by: "man", page: "manual page")
    try Printer.print(verb.map { ManPage(of: $0).text } ?? ManPage.overview)
    return 0
  }
}

extension Invocation {
  /// The verb that is to be explained; nil where none is named.
  ///
  /// - Throws: ``SpecError`` where several are, or one that there is not.
  func explainedVerb(by explainer: String, page: String) throws(SpecError) -> Verb? {
    guard operands.count <= 1 else {
      throw SpecError("oneoff \(explainer) prints one page at a time", remedy: "name one verb")
    }
    guard let word = operands.first?.description else { return nil }
    if let verb = Verb.visible.first(where: { $0.name == word }) { return verb }
    throw SpecError(
      "there is no \(page) for \(String(quoting: word))",
      remedy: suggestion(
        for: word, in: Verb.visible.map(\.name), otherwise: "oneoff --help lists the verbs"))
  }
}
