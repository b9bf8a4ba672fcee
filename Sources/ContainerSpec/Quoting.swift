package import SystemPackage

extension String {
  /// `bytes` in single quotes, fit for a message on a terminal: at most 100 characters, with
  /// control characters, direction overrides, invisible characters and invalid UTF-8 shown as
  /// U+FFFD.
  package init(quoting bytes: some Sequence<UInt8>) {
    let limit = 100
    var text = "'"
    var count = 0
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      if count == limit {
        text += "…"
        break
      }
      text.unicodeScalars.append(scalar.isHarmless && !scalar.isInvisible ? scalar : "\u{FFFD}")
      count += 1
    }
    self = text + "'"
  }

  /// `text` in single quotes, fit for a message on a terminal.
  package init(quoting text: String) { self.init(quoting: text.utf8) }

  /// The text with everything that controls a terminal, line feeds too, shown as U+FFFD: what comes
  /// from an image or an app cannot make a line of its own.
  package var onOneLine: String { replacingScalars { !$0.isHarmless } }

  /// The text with everything that controls a terminal, but line feeds, shown as U+FFFD.
  package var inHarmlessLines: String { replacingScalars { !$0.isHarmless && $0 != "\n" } }

  private func replacingScalars(
    where isReplaced: @escaping (Unicode.Scalar) -> Bool
  ) -> String {
    String(
      String.UnicodeScalarView(unicodeScalars.lazy.map { isReplaced($0) ? "\u{FFFD}" : $0 }))
  }
}

extension Unicode.Scalar {
  /// Whether a terminal shows the character instead of obeying it.
  package var isHarmless: Bool {
    switch value {
    case 0..<0x20, 0x7f..<0xa0, 0x61c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: false
    default: true
    }
  }

  /// Whether nobody sees the character, so that two names that differ in it look the same.
  fileprivate var isInvisible: Bool {
    switch value {
    case 0xad, 0x200b...0x200d, 0x2060...0x2064, 0xfeff, 0xe0000...0xe007f: true
    default: false
    }
  }
}

extension FilePath {
  /// The path that `bytes` name, which need not be UTF-8.
  package init(_ bytes: ByteString) {
    let platformString: [CChar] = bytes.bytes.map { CChar(bitPattern: $0) } + [0]
    self.init(platformString: platformString)
  }
}
