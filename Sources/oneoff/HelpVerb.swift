/// `oneoff help`: what `--help` shows, for those who ask so.
enum HelpVerb {
  static let verb = Verb(
    name: "help",
    summary: "Explain oneoff, or a verb",
    operands: "[VERB]",
    operandCompletion: .words(Verb.visible.map(\.name)),
    examples: [.init(command: "oneoff help deploy", purpose: "the same as oneoff deploy --help")]
  ) { invocation in
    let verb = try invocation.explainedVerb(by: "help", page: "help")
    try Printer.print(verb.map { HelpPage(of: $0).text } ?? HelpPage.overview)
    return 0
  }
}
