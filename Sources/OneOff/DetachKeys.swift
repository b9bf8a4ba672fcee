package import ContainerSpec

/// The keys that somebody types to leave a run, which goes on without him.
package struct DetachKeys: Sendable, Hashable {
  /// What the keys send, one byte each; never empty.
  let bytes: [UInt8]

  /// Ctrl-P Ctrl-Q, as with Docker.
  package static let usual = DetachKeys(bytes: [0x10, 0x11])

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// Reads keys in Docker's notation: characters, and `ctrl-` with one of `@`, `a` to `z`, `[`,
  /// `\`, `]`, `^` and `_`, with commas in between.
  ///
  /// - Throws: when it names no keys.
  package init(parsing text: ByteString) throws(SpecError) {
    var bytes: [UInt8] = []
    for key in text.bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard let byte = Self.byte(of: key) else {
        throw SpecError(
          "\(String(quoting: text.bytes)) is no sequence of keys",
          remedy: "give them as ctrl-p,ctrl-q: letters, and ctrl- with a letter or one of @[\\]^_")
      }
      bytes.append(byte)
    }
    self.bytes = bytes
  }

  private static func byte(of key: ArraySlice<UInt8>) -> UInt8? {
    let control = Array("ctrl-".utf8)
    guard let last = key.last else { return nil }
    if key.count == 1 { return (0x21...0x7e).contains(last) ? last : nil }
    guard key.count == control.count + 1, key.starts(with: control) else { return nil }
    switch last {
    case UInt8(ascii: "@"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "[")...UInt8(ascii: "_"):
      return last & 0x1f  // what the key sends with control
    default: return nil
    }
  }

  /// Finds the keys in what is typed.
  struct Recognition: Sendable {
    private let keys: [UInt8]
    /// How many of the keys were typed last; they are held back.
    private var count = 0

    init(_ keys: DetachKeys) { self.keys = keys.bytes }

    /// Takes what was typed.
    ///
    /// - Returns: what is for the command, and whether the keys came; what follows them is dropped.
    mutating func take(_ typed: ArraySlice<UInt8>) -> (input: [UInt8], isWhole: Bool) {
      var input: [UInt8] = []
      for byte in typed {
        // What was held back and does not lead on was for the command; its end may begin anew.
        while count > 0, keys[count] != byte {
          let kept = (0..<count).reversed().first { kept in
            keys[..<kept].elementsEqual(keys[(count - kept)..<count])
          }
          input += keys[..<(count - (kept ?? 0))]
          count = kept ?? 0
        }
        guard keys[count] == byte else {
          input.append(byte)
          continue
        }
        count += 1
        if count == keys.count {
          count = 0
          return (input, true)
        }
      }
      return (input, false)
    }
  }
}
