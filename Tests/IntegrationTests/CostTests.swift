import Foundation
import SystemPackage
import TestRequirements
import Testing

extension IntegrationTests {
  /// What a run costs, in figures that noise does not disturb; the limits are in
  /// Benchmarks/limits.txt.
  @Suite(.requires(.releaseProgram)) struct CostTests {
    @Test(.requires(.tool("/usr/bin/strace"))) func runMakesFewSystemCalls() throws {
      let counts = Workspace.current.path.appending("files/counts").string
      let wrapper = ["/usr/bin/strace", "-c", "-f", "-o", counts]
      #expect(try run(wrapper: wrapper, "true-static").status == 0)
      let table = try String(contentsOfFile: counts, encoding: .utf8)
      // "100.00    0.004836           7       625        26 total"
      let total = try #require(table.split(separator: "\n").last { $0.hasSuffix(" total") })
      let field = try #require(total.split(separator: " ").dropFirst(3).first)
      let count = try #require(Int(field))
      expectNear(count, "system-calls")
    }

    @Test(.requires(.tool("/usr/bin/valgrind"))) func planIsMadeWithFewInstructions() throws {
      let wrapper = ["/usr/bin/valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
      let made = try perform(
        ["print-plan", "--rootfs", Built.tiny, "--", "true-static"], wrapper: wrapper)
      // "==4711== Collected : 1456632"
      let collected = try #require(
        made.errors.split(separator: "\n").first { $0.contains("== Collected : ") })
      let count = try #require(collected.split(separator: " ").last.flatMap { Int($0) })
      if made.status == 0 {
        #expect(made.output.contains("execute"))
        expectNear(count, "instructions")
      } else {
        #expect(made.errors.contains("openat2(2) of etc/passwd: ENOSYS"))
        expectNear(count, "instructions-before-image")
      }
    }

    /// A limit that is far away guards nothing.
    private func expectNear(
      _ figure: Int, _ name: String, _ location: SourceLocation = #_sourceLocation
    ) {
      guard let limit = Self.limits[name] else {
        Issue.record("Benchmarks/limits.txt has no \(name)", sourceLocation: location)
        return
      }
      #expect(figure <= limit, "\(name): more than Benchmarks/limits.txt", sourceLocation: location)
      #expect(
        figure * 5 >= limit * 4, "\(name): lower Benchmarks/limits.txt", sourceLocation: location)
    }

    private static let limits: [String: Int] = {
      let path = Built.package.appending("Benchmarks/limits.txt").string
      let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      let pairs = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { $0.split(separator: " ") }
      return Dictionary(
        uniqueKeysWithValues: pairs.compactMap { pair in
          pair.count == 2 ? Int(pair[1]).map { (String(pair[0]), $0) } : nil
        })
    }()
  }
}
