import ContainerSpec
import Foundation
import SystemPackage
import TestRequirements
import Testing

@testable import Deploy

/// What we say that other programs read, compared with what they do read.
@Suite struct PlatformTests {
  private typealias Pairs = [[String]]

  private static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Platforms")

  /// The interpreter that has honcho, which `make test` sets up.
  private static let python = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(
      path: "build/honcho/bin/python"
    )
    .path

  /// What a program reads in every case; nil where it gives the file up.
  private func readings(_ command: [String]) throws -> [Pairs?] {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let files = try PlatformCases.all.enumerated().map { index, bytes in
      let file = directory.appending(path: "\(index)")
      try Data(bytes).write(to: file)
      return file.path
    }
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = command.dropFirst() + files
    process.environment = ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return try JSONDecoder().decode([Pairs?].self, from: output)
  }

  /// Compares the model and the findings with the program's own readings.
  private func compare(_ platform: ProcfilePlatform, _ command: [String]) throws {
    let real = try readings(command)
    #expect(real.count == PlatformCases.all.count && real.count >= 60)
    #expect(real.contains { $0 == nil })
    for (bytes, pairs) in zip(PlatformCases.all, real) {
      let model = platform.reading(of: bytes)
      let read = model.isFailure ? nil : model.entries.map { [$0.name, $0.command] }
      #expect(read.map(exact) == pairs.map(exact), "\(platform): \(shown(bytes))")
      let report = ProcfileReport(on: bytes, path: "Procfile")
      let isNamed = report.findings.contains { $0.readings[platform] != nil }
      #expect(
        isNamed == isDifferent(pairs, from: report), "\(platform) is named: \(shown(bytes))")
    }
  }

  /// Strings that are equal by Unicode need not be the same bytes.
  private func exact(_ pairs: Pairs) -> [[[UInt8]]] { pairs.map { $0.map { Array($0.utf8) } } }

  private func shown(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix(80), as: UTF8.self).debugDescription
  }

  /// Whether a program reads other commands than we do. Where we take a line for an error nobody
  /// else does what we do.
  private func isDifferent(_ pairs: Pairs?, from report: ProcfileReport) -> Bool {
    guard let pairs, report.errorCount == 0 else { return true }
    let own = report.entries.map { [$0.name, $0.command.description] }
    let blanks = CharacterSet(charactersIn: " \t")
    return exact(own)
      != exact(pairs.map { [$0[0], $0[1].trimmingCharacters(in: blanks)] })
  }

  @Test(.requires(.tool("/usr/bin/ruby"), .tool("/usr/bin/foreman")))
  func foremanReadsWhatWeSay() throws {
    try compare(.foreman, ["/usr/bin/ruby", Self.scripts.appending(path: "read-foreman.rb").path])
  }

  @Test(.requires(.tool(python)))
  func honchoReadsWhatWeSay() throws {
    try compare(.honcho, [Self.python, Self.scripts.appending(path: "read-honcho.py").path])
  }

  /// What a platform is said to do line by line comes to what it is said to read in the file.
  @Test(arguments: ProcfilePlatform.allCases)
  func findingsSayWhoReadsTheFileDifferently(platform: ProcfilePlatform) {
    for bytes in PlatformCases.all {
      let report = ProcfileReport(on: bytes, path: "Procfile")
      let model = platform.reading(of: bytes)
      let pairs = model.isFailure ? nil : model.entries.map { [$0.name, $0.command] }
      let isNamed = report.findings.contains { $0.readings[platform] != nil }
      #expect(isNamed == isDifferent(pairs, from: report), "\(platform): \(shown(bytes))")
    }
  }
}
