package import SystemPackage

extension String {
  /// `bytes` in single quotes, fit for a message on a terminal: at most 100 characters, with
  /// control characters, direction overrides and invalid UTF-8 shown as U+FFFD.
  package init(quoting bytes: some Sequence<UInt8>) {
    let limit = 100
    var text = "'"
    var count = 0
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      if count == limit {
        text += "…"
        break
      }
      text.unicodeScalars.append(scalar.isHarmless ? scalar : "\u{FFFD}")
      count += 1
    }
    self = text + "'"
  }

  /// `text` in single quotes, fit for a message on a terminal.
  package init(quoting text: String) { self.init(quoting: text.utf8) }
}

extension Unicode.Scalar {
  /// Whether a terminal shows the character instead of obeying it.
  package var isHarmless: Bool {
    switch value {
    case 0..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x202a...0x202e, 0x2066...0x2069: false
    default: true
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
