import ContainerSpec
import Testing

@Suite struct SuggestionTests {
  @Test(arguments: [
    ("rn", "run"), ("RUN", "run"), ("urn", "run"), ("completion", "completions"),
    ("hok", "hook"), ("print-pla", "print-plan"), ("printplan", "print-plan"),
  ])
  func findsTheNearest(text: String, nearest: String) {
    #expect(
      ContainerSpec.nearest(to: text, in: ["run", "print-plan", "hook", "gc", "completions"])
        == nearest)
  }

  @Test(arguments: ["", "xyz", "deploy", String(repeating: "r", count: 1000)])
  func findsNothingInWhatIsFar(text: String) {
    #expect(ContainerSpec.nearest(to: text, in: ["run", "hook", "gc"]) == nil)
  }

  @Test(arguments: [
    ("a'b", "'a'b'"), ("\u{1b}[31m", "'\u{fffd}[31m'"), ("a\nb", "'a\u{fffd}b'"),
    ("\u{202e}x", "'\u{fffd}x'"),
    (String(repeating: "x", count: 200), "'\(String(repeating: "x", count: 100))…'"),
  ])
  func quotesForATerminal(text: String, quoted: String) {
    #expect(String(quoting: text) == quoted)
  }
}
