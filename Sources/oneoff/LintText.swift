import ContainerSpec
import Deploy
import SystemPackage

/// A report on a Procfile for people and editors; names and commands in it are harmless.
struct LintText {
  private static let width = 100
  private let report: ProcfileReport

  init(_ report: ProcfileReport) { self.report = report }

  /// The entries, the findings, and a line that sums them up.
  var text: String {
    var text = entries
    for finding in report.findings { text += block(finding) }
    if report.omittedCount > 0 { text += "(\(report.omittedCount) more are not shown)\n" }
    return text + summary + "\n"
  }

  private var path: String { report.path.string.onOneLine }

  private var entries: String {
    let rows = report.entries.map { entry in
      (String(entry.position.line), entry.name, Self.shortened(entry.command.description))
    }
    guard !rows.isEmpty else { return "" }
    let lineWidth = max(4, rows.map(\.0.count).max() ?? 0)
    let nameWidth = max(4, rows.map(\.1.count).max() ?? 0)
    var text = "line".padded(to: lineWidth) + "  " + "name".padded(to: nameWidth) + "  command\n"
    for (line, name, command) in rows {
      text += line.padded(to: lineWidth) + "  " + name.padded(to: nameWidth) + "  \(command)\n"
    }
    for (phase, entry) in report.hooks {
      text += "oneoff hook --phase \(phase.name) runs line \(entry.position.line)\n"
    }
    return text + "\n"
  }

  private func block(_ finding: ProcfileReport.Finding) -> String {
    let place = "\(path):\(finding.position.line):\(finding.position.column)"
    var text = "\(place): \(finding.rule.isError ? "error" : "warning"): \(finding.message)\n"
    if !finding.line.isEmpty { text += excerpt(finding) }
    for (phrase, platforms) in Self.grouped(finding.readings) {
      let names = Self.list(platforms.map(\.rawValue))
      text += "    \(names) \(platforms.count == 1 ? phrase.singular : phrase.plural)\n"
    }
    return text + "hint: \(finding.remedy)\n\n"
  }

  /// The line, or what of it is near the place, and a caret below that.
  private func excerpt(_ finding: ProcfileReport.Finding) -> String {
    let line = finding.line.unicodeScalars
    let offset = finding.position.column - 1
    let start = offset < Self.width * 4 / 5 ? 0 : offset - Self.width / 2
    var shown = String(String.UnicodeScalarView(line.dropFirst(start).prefix(Self.width)))
    if start > 0 { shown = "…" + shown }
    if line.count > start + Self.width { shown += "…" }
    let indent = offset - start + (start > 0 ? 1 : 0)
    return "    \(shown.onOneLine)\n    \(String(repeating: " ", count: indent))^\n"
  }

  /// What platforms do, and which of them do the same, in the order of the platforms.
  private static func grouped(
    _ readings: [ProcfilePlatform: PlatformPhrase]
  ) -> [(PlatformPhrase, [ProcfilePlatform])] {
    var groups: [(PlatformPhrase, [ProcfilePlatform])] = []
    for platform in ProcfilePlatform.allCases {
      guard let phrase = readings[platform] else { continue }
      if let index = groups.firstIndex(where: { $0.0 == phrase }) {
        groups[index].1.append(platform)
      } else {
        groups.append((phrase, [platform]))
      }
    }
    return groups
  }

  /// `a, b and c`.
  private static func list(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }

  private static func shortened(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(width)
    let isWhole = shown.endIndex == text.unicodeScalars.endIndex
    return String(shown).onOneLine + (isWhole ? "" : "…")
  }

  /// `Procfile: 3 entries, 1 error, 2 warnings`.
  private var summary: String {
    let counts = [
      Self.count(report.entries.count, "entry", "entries"),
      Self.count(report.errorCount, "error", "errors"),
      Self.count(report.warningCount, "warning", "warnings"),
    ]
    return "\(path): \(counts.joined(separator: ", "))"
  }

  private static func count(_ number: Int, _ one: String, _ several: String) -> String {
    "\(number) \(number == 1 ? one : several)"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
