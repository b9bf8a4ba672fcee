/// A manual page in man(7) format.
struct ManPage {
  /// What oneoff is for.
  static let purpose =
    "oneoff runs one command in a container that is thrown away afterwards, and tells the caller "
    + "exactly what happened. Its first use is the hook at the end of a deployment, whose exit "
    + "status decides whether a new release goes live."

  /// The variables that change what oneoff itself does.
  private static let variables = [
    (
      "ONEOFF_RUNTIME_DIR",
      "where the slots of runs are; runs whose ids must differ share it. By default /run/oneoff; "
        + "without root $XDG_RUNTIME_DIR/oneoff, or /tmp/oneoff-UID"
    ),
    (
      "ONEOFF_STATE_DIR",
      "where records of runs, apps and their deployments, and scratches on disk are kept; by "
        + "default /var/lib/oneoff; without root $XDG_STATE_HOME/oneoff, or ~/.local/state/oneoff"
    ),
    (
      "XDG_RUNTIME_DIR",
      "without root, the directory that the caller's session has for such things; not used unless "
        + "it is the caller's alone"
    ),
    (
      "ONEOFF_ID_BASE",
      "the first host id of runs, by default 1879048192; a multiple of 65536, not 0"
    ),
    ("ONEOFF_SLOTS", "how many runs there can be at once, by default 4096; each takes 65536 ids"),
    (
      "ONEOFF_PROGRAM",
      "the oneoff program that a program with the library OneOff starts; by default "
        + "/usr/local/bin/oneoff, else /usr/bin/oneoff"
    ),
  ]

  private(set) var text = ""

  /// The page oneoff(1).
  static var overview: String {
    var page = ManPage(name: "oneoff", summary: "run one command in a throw-away container")
    page.addHeading("SYNOPSIS")
    page.addText("oneoff VERB [OPTION…] …")
    page.addHeading("DESCRIPTION")
    page.addText(purpose)
    page.addHeading("VERBS")
    for verb in Verb.visible { page.addTagged("oneoff-\(verb.name)(1)", verb.summary) }
    page.addHeading("OPTIONS")
    for option in Verb.globalOptions { page.addTagged(option.usage, option.explanation) }
    page.addHeading("ENVIRONMENT")
    for (name, meaning) in variables { page.addTagged(name, meaning) }
    page.addHeading("EXIT STATUS")
    for status in ExitStatus.ofRun { page.addTagged(status.status, status.meaning) }
    return page.text
  }

  /// The page of a verb.
  init(of verb: Verb) {
    self.init(name: "oneoff-\(verb.name)", summary: verb.summary)
    addHeading("SYNOPSIS")
    addText(verb.synopsis)
    addHeading("DESCRIPTION")
    addText(verb.summary + ".")
    for paragraph in verb.details { addParagraph(paragraph) }
    addHeading("OPTIONS")
    for group in verb.allGroups {
      text += ".SS \(escaped(group.title))\n"
      for option in group.options { addTagged(option.usage, option.explanation) }
    }
    if !verb.examples.isEmpty { addHeading("EXAMPLES") }
    for example in verb.examples { addTagged(example.command, example.purpose) }
    addHeading("EXIT STATUS")
    for status in verb.exitStatuses { addTagged(status.status, status.meaning) }
    addHeading("SEE ALSO")
    text += ".BR oneoff (1),\n"
    addText("which has the variables that oneoff itself reads.")
  }

  private init(name: String, summary: String) {
    let title = escaped(name.uppercased())
    text = ".TH \(title) 1 \"\" \"oneoff \(VersionVerb.version)\" \"User Commands\"\n"
    addHeading("NAME")
    text += "\(escaped(name)) \\- \(escaped(summary))\n"
  }

  private mutating func addHeading(_ title: String) { text += ".SH \(title)\n" }

  private mutating func addText(_ line: String) { text += escaped(line) + "\n" }

  private mutating func addParagraph(_ paragraph: String) {
    text += ".PP\n"
    addText(paragraph)
  }

  private mutating func addTagged(_ tag: String, _ explanation: String) {
    text += ".TP\n\\fB\(escaped(tag))\\fR\n"
    addText(explanation)
  }
}

/// `line` so that roff shows it as it is.
private func escaped(_ line: String) -> String {
  var result = ""
  for scalar in line.unicodeScalars {
    switch scalar {
    case "\\": result += "\\e"
    case "-": result += "\\-"
    case "'": result += "\\(aq"
    case "…": result += "..."
    case "." where result.isEmpty: result += "\\&."
    default:
      if scalar.isASCII {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "\\[u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)]"
      }
    }
  }
  return result
}
