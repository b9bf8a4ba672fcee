/// Procfiles that readers do not agree on, and some that they do.
enum PlatformCases {
  static let all: [[UInt8]] = texts.map { Array($0.utf8) } + notUTF8

  private static let notUTF8: [[UInt8]] = [
    Array("web: a".utf8) + [0xe9, 10] + Array("x: y\n".utf8),
    Array("# caf".utf8) + [0xe9, 10] + Array("web: x\n".utf8),
    Array("web: x\n# ".utf8) + [0xed, 0xa0, 0x80, 10],
    Array("web: x\nw".utf8) + [0xff] + Array("b: y\n".utf8),
    [0xc3, 10],
  ]

  private static let texts = plain + names + colons + commands + lineEnds + unicode + wholes

  private static let plain = [
    "web: bundle exec puma\n", "web: a\nworker: b\npostdeploy: c d\n", "web: a", "a: b\n\n\nc: d\n",
    "# only\nweb: x\n", "release: ./migrate && echo \"done\"\n", "web: x\n# web: y\n",
  ]

  private static let names = [
    "Web: x\n", "my_app: x\n", "my-app: x\n", "-web: x\n", "web-: x\n", "_web: x\n", "web.1: x\n",
    "we b: x\n", "\"web\": x\n", "1: x\n", ": x\n", "web\n", "web x\n", "web=x\n",
    "http://web: x\n", "- web: x\n", "-f other\n", "//: x\n",
    String(repeating: "n", count: 63) + ": x\n", String(repeating: "n", count: 64) + ": x\n",
    "web: a\nweb: b\n", "web: a\nweb: a\nx: y\n", "web: a\nWeb: b\n", "Web: a\nweb: b\n",
    "web: a\nx: y\nweb : b\n", " web: a\nweb: b\n", "a_b: x\na-b: y\n",
  ]

  private static let colons = [
    "web:x\n", "web:\tx\n", "web : x\n", "web\t: x\n", " web: x\n", "\tweb: x\n",
    "  # x: y\nweb: z\n",
    "   \nweb: x\n", "web: x\n   ", "web: x\n\t\n", "web:: x\n", "web: a: b\n", "web:a # b\n",
  ]

  private static let commands = [
    "web:\n", "web: \n", "web:  \n", "web:\t\n", "web:", "web: x  \n", "web: x\t\n", "web: # x\n",
    "web: #\n", "web: a # b\n", "web: a #\n", "web: a #b # c\n", "web: echo '#a' \"b #c\"\n",
    "web: a#b\n", "web: curl http://x\n", "web: a // b\n", "web: // a\n", "web: a //\n",
    "web: a \\\n", "web: a \\\n  b\n", "web: a \\\nx: y\n", "web: a \\\\\n", "web: a \\ \n",
    "web: \\\n", "web: é ü\n",
  ]

  private static let lineEnds = [
    "web: x\r\nworker: y\r\n", "web: x\r\n\r\nworker: y\r\n", "web: x\r\n", "web: x\r", "web:\r\n",
    "web: \r\n", "# x\r\nweb: y\n", "# x\r\n", "web: x\r\r\n", "web: x\rworker: y\n",
    "\r\nweb: x\n",
    "web: a\nworker: b\r\n", "web: x # y\r\n", "web: x\r\nweb: y\r\n", "web: x\r\nnada\r\n",
  ]

  private static let unicode = [
    "\u{FEFF}web: x\nworker: y\n", "\u{FEFF}# x\nweb: y\n", "\u{FEFF}# x: y\nweb: z\n",
    "\u{FEFF}\nweb: x\n", "\u{FEFF}web:x\r\n", "web:\u{a0}x\n", "web: \u{a0}\n", "web: x\u{a0}\n",
    "\u{a0}web: x\n", "web\u{a0}: x\n", "web: a\u{2028}worker: b\n", "web: a\u{2029}b\n",
    "web: a\u{85}web: b\n", "# a\u{2028}web: x\n", "web:\u{2028}x\n", "wéb: x\n",
    "web: \u{3000}x\n",
    "web: a\u{0}b\n", "web: a\u{b}b\n", "web:\u{c}x\n", "web: x\u{1c}y: z\n", "# \u{1b}[31m\n",
    "web: x\u{1f}\n", "web: x\u{7f}\n", "web: \u{202e}x\n", "web：x\n", "web: x\u{FEFF}\n",
    "web: \u{2003}a\u{2003}b\n",
  ]

  private static let wholes = [
    "", "\n", "  \n\t\n", "\u{FEFF}", "\r\n", "# nothing\n", "# nothing", "  # nothing\n",
    "web: " + String(repeating: "x", count: 70_000) + "\n",
    "# " + String(repeating: "x", count: 70_000) + "\nweb: y\n",
  ]
}
