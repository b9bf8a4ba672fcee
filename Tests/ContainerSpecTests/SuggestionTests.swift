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
    ("\u{202e}x", "'\u{fffd}x'"), ("\u{61c}\u{2028}", "'\u{fffd}\u{fffd}'"),
    ("post\u{200b}de\u{ad}ploy\u{feff}", "'post\u{fffd}de\u{fffd}ploy\u{fffd}'"),
    (String(repeating: "x", count: 200), "'\(String(repeating: "x", count: 100))…'"),
  ])
  func quotesForATerminal(text: String, quoted: String) {
    #expect(String(quoting: text) == quoted)
  }

  @Test func textOfOthersIsOneLine() {
    #expect("a\n-----> b\r\u{1b}[m é".onOneLine == "a\u{fffd}-----> b\u{fffd}\u{fffd}[m é")
    #expect("a\n-----> b\r\u{1b}[m".inHarmlessLines == "a\n-----> b\u{fffd}\u{fffd}[m")
  }
}
