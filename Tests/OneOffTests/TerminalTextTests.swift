import OneOff
import Testing

@Suite struct TerminalTextTests {
  private static let examples: [(String, String)] = [
    ("one\ttwo\n\nthree", "one\ttwo\n\nthree"),
    ("", ""),
    ("zażółć 日本 🚀 👨‍👩‍👧\n", "zażółć 日本 🚀 👨‍👩‍👧\n"),
    ("\u{1b}[1;31mred\u{1b}[0m plain\n", "\u{1b}[1;31mred\u{1b}[0m plain\u{1b}[0m\n"),
    ("\u{1b}[38:5:1mred\nplain", "\u{1b}[38:5:1mred\u{1b}[0m\nplain"),
    ("\u{1b}[31mred", "\u{1b}[31mred\u{1b}[0m"),
    ("\u{1b}[31mred\n\u{1b}[0m", "\u{1b}[31mred\u{1b}[0m\n"),
    ("\u{1b}[31mred\n\u{1b}[mplain\u{1b}[0;0m\n", "\u{1b}[31mred\u{1b}[0m\nplain\n"),
    ("\u{1b}[2J\u{1b}[H", "^[[2J^[[H"),
    ("\u{1b}[?25l\u{1b}[>4;1m", "^[[?25l^[[>4;1m"),
    ("\u{1b}]0;title\u{7}\u{1b}\\", "^[]0;title^G^[\\"),
    ("\u{1b}]8;;http://a\u{1b}\\b\u{1b}]8;;\u{1b}\\", "^[]8;;http://a^[\\b^[]8;;^[\\"),
    ("\u{1b}c\u{1b}(0\u{1b}\u{1b}[1A", "^[c^[(0^[^[[1A"),
    ("\u{1b}[1\u{1b}[31mx", "^[[1\u{1b}[31mx\u{1b}[0m"),
    ("a\u{1b}", "a^["), ("a\u{1b}[", "a^[["), ("a\u{1b}[3", "a^[[3"),
    ("\u{8}\u{b}\u{c}\u{e}\u{f}\u{0}\u{7f}", "^H^K^L^N^O^@^?"),
    ("\u{9b}31m\u{85}\u{9d}0;t\u{9c}", "<U+009B>31m<U+0085><U+009D>0;t<U+009C>"),
    ("a\u{202e}b\u{2066}c\u{61c}d\u{2028}e", "a<U+202E>b<U+2066>c<U+061C>d<U+2028>e"),
    ("10%\r20%\r\ndone\r\r\n", "10%\r> 20%\ndone\n"),
    ("10%\r-----> forged", "10%\r> -----> forged"),
    ("a\r", "a\r> "), ("\r\r\rb", "\r> b"),
  ]

  private static let bytes: [([UInt8], String)] = [
    ([0x9b, 0x33, 0x31, 0x6d], "<9B>31m"),
    ([0x61, 0xff, 0xc0, 0x80, 0xf5], "a<FF><C0><80><F5>"),
    ([0xe2, 0x82, 0x0a], "<E2><82>\n"),
    ([0xe2, 0x82, 0xe2, 0x82, 0xac], "<E2><82>€"),
    ([0xe2, 0x1b, 0x5b, 0x33, 0x6d], "<E2>\u{1b}[3m\u{1b}[0m"),
    ([0xed, 0xa0, 0x80], "<ED><A0><80>"),
    ([0xf0, 0x9f, 0x9a], "<F0><9F><9A>"),
  ]

  private static var all: [([UInt8], String)] { examples.map { (Array($0.utf8), $1) } + bytes }

  private func shown(_ pieces: [ArraySlice<UInt8>]) -> String {
    var text = TerminalText(indent: Array("> ".utf8))
    let shown = pieces.flatMap { text.shown($0) } + text.end()
    return String(decoding: shown, as: UTF8.self)
  }

  @Test func showsWhatWouldControlATerminal() {
    for (bytes, expected) in Self.all { #expect(shown([bytes[...]]) == expected) }
  }

  @Test func showsTheSameInWhateverPiecesItComes() {
    for (bytes, expected) in Self.all {
      #expect(shown(bytes.map { [$0] }) == expected)
      for first in 0...bytes.count {
        for second in first...bytes.count {
          #expect(
            shown([bytes[..<first], bytes[first..<second], bytes[second...]]) == expected)
        }
      }
    }
  }

  @Test func everyByteAloneIsHarmlessAfterEveryOther() {
    for first in UInt8.min ... .max {
      for second in UInt8.min ... .max {
        let text = shown([[first], [second]])
        let isControl = text.unicodeScalars.contains { scalar in
          scalar.value < 0x20 && !"\t\n\r".unicodeScalars.contains(scalar)
            || (0x7f..<0xa0).contains(scalar.value)
        }
        #expect(!isControl && !text.contains("\u{fffd}"), "\(first) \(second)")
      }
    }
  }

  @Test func aColourHasABound() {
    let longest = "[" + String(repeating: "1", count: 29) + "m"
    #expect(shown([Array("\u{1b}\(longest)".utf8)[...]]) == "\u{1b}\(longest)\u{1b}[0m")
    let tooLong = "[1" + longest.dropFirst()
    #expect(shown([Array("\u{1b}\(tooLong)".utf8)[...]]) == "^[\(tooLong)")
    // Nor is more than that ever kept back.
    var text = TerminalText()
    let output = text.shown(Array(("\u{1b}[" + String(repeating: "1", count: 5000)).utf8)[...])
    #expect(output.count == 5003)
  }

  @Test func somethingElseMayBeShownInBetween() {
    var text = TerminalText()
    #expect(text.shown(Array("\u{1b}[31ma\u{1b}[".utf8)[...]) == Array("\u{1b}[31ma".utf8))
    #expect(text.end() == Array("^[[\u{1b}[0m".utf8))
    #expect(text.shown(Array("31mb".utf8)[...]) == Array("31mb".utf8))
  }
}
