/// A page of help for a terminal of 80 columns.
struct HelpPage {
  private static let width = 80
  /// Where explanations start.
  private var column = 30
  private(set) var text = ""

  /// What `oneoff --help` shows.
  static var overview: String {
    var page = HelpPage()
    page.addUsage("oneoff VERB [OPTION…] …")
    page.addParagraph(ManPage.purpose)
    page.column = 18
    page.addHeading("Verbs")
    for verb in Verb.visible { page.addEntry("  \(verb.name)", verb.summary) }
    page.addHeading("Options")
    for option in Verb.globalOptions { page.addEntry(option.leftColumn, option.explanation) }
    page.addParagraph("'oneoff VERB --help' explains a verb, with examples.")
    return page.text
  }

  /// What `oneoff VERB --help` shows.
  init(of verb: Verb) {
    addUsage(verb.synopsis)
    addParagraph(verb.summary + ".")
    for paragraph in verb.details { addParagraph(paragraph) }
    for group in verb.allGroups {
      addHeading(group.title)
      for option in group.options { addEntry(option.leftColumn, option.explanation) }
    }
    if !verb.examples.isEmpty { addHeading("Examples") }
    for example in verb.examples {
      text += "  \(example.command)\n      \(example.purpose)\n"
    }
    column = 10
    addHeading("Exit status")
    for status in verb.exitStatuses { addEntry("  \(status.status)", status.meaning) }
  }

  private init() {}

  private mutating func addUsage(_ synopsis: String) { text += "Usage: \(synopsis)\n" }

  private mutating func addHeading(_ title: String) { text += "\n\(title):\n" }

  private mutating func addParagraph(_ paragraph: String) {
    text += "\n" + wrap(paragraph, to: Self.width).map { $0 + "\n" }.joined()
  }

  private mutating func addEntry(_ left: String, _ explanation: String) {
    var indent = left
    if left.count + 2 > column {
      text += left + "\n"
      indent = ""
    }
    for line in wrap(explanation, to: Self.width - column) {
      text += indent + String(repeating: " ", count: column - indent.count) + line + "\n"
      indent = ""
    }
  }
}

/// Breaks text between words into lines of at most `width` characters.
private func wrap(_ text: String, to width: Int) -> [String] {
  var lines = [""]
  for word in text.split(separator: " ") {
    let last = lines.count - 1
    if lines[last].isEmpty {
      lines[last] = String(word)
    } else if lines[last].count + 1 + word.count <= width {
      lines[last] += " \(word)"
    } else {
      lines.append(String(word))
    }
  }
  return lines
}

extension CommandOption {
  /// `-e, --env NAME[=VALUE]`.
  var usage: String {
    let start = letter.map { "-\($0), " } ?? ""
    return start + "--\(name)" + (value.map { " \($0.metavariable)" } ?? "")
  }

  /// The usage with all long names in one column.
  fileprivate var leftColumn: String { (letter == nil ? "      " : "  ") + usage }

  /// What it does, its default, and whether it can be repeated.
  var explanation: String {
    let remarks = [defaultText.map { "default: \($0)" }, isRepeatable ? "repeatable" : nil]
      .compactMap { $0 }
    return remarks.isEmpty ? help : "\(help) (\(remarks.joined(separator: "; ")))"
  }
}
