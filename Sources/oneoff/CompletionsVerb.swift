import ContainerSpec

/// `oneoff completions`: a script that teaches a shell the verbs and options.
enum CompletionsVerb {
  static let verb = Verb(
    name: "completions",
    summary: "Print a script that lets a shell complete verbs and options",
    operands: "bash|zsh|fish",
    operandCompletion: .words(CompletionShell.allCases.map(\.rawValue)),
    examples: [
      .init(
        command: "oneoff completions bash > /etc/bash_completion.d/oneoff",
        purpose: "for every user's bash"),
      .init(
        command: "oneoff completions zsh > /usr/local/share/zsh/site-functions/_oneoff",
        purpose: "for every user's zsh"),
      .init(
        command: "oneoff completions fish > ~/.config/fish/completions/oneoff.fish",
        purpose: "for one's own fish"),
    ]
  ) { invocation in
    guard let word = invocation.operands.first?.description, invocation.operands.count == 1 else {
      throw SpecError("oneoff completions needs one shell", remedy: "name bash, zsh or fish")
    }
    guard let shell = CompletionShell(rawValue: word) else {
      throw SpecError(
        "there are no completions for \(String(quoting: word))",
        remedy: suggestion(
          for: word, in: CompletionShell.allCases.map(\.rawValue),
          otherwise: "name bash, zsh or fish"))
    }
    try Printer.print(shell.script)
    return 0
  }
}
