import ContainerSpec

@testable import OneOff

extension FuzzTarget {
  /// Keys in Docker's notation, and what is typed; the first byte says in which pieces.
  static let detachKeys = FuzzTarget(name: "detach-keys") { bytes in
    guard let first = bytes.first else { return }
    let parts = Array(bytes.dropFirst()).sections(2)
    let notation = parts[0].dropLast(parts[0].last == UInt8(ascii: "\n") ? 1 : 0)
    guard let text = try? ByteString(bytes: Array(notation), subject: "keys") else { return }
    let keys: DetachKeys
    do throws(SpecError) {
      keys = try DetachKeys(parsing: text)
    } catch {
      try hold(error.remedy != nil, "an error says what to do")
      return
    }
    let names = notation.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    try hold(keys.bytes.count == names.count, "each key sends a byte")
    try checkRecognition(of: keys, in: parts[1], inPiecesOf: Int(first % 32) + 1)
  }

  /// The keys are found where they are typed for the first time; all that comes before them, and
  /// nothing else, is for the command.
  private static func checkRecognition(
    of keys: DetachKeys, in typed: [UInt8], inPiecesOf size: Int
  ) throws {
    let place = typed.indices.first { typed[$0...].starts(with: keys.bytes) }
    let (input, isWhole) = recognized(keys, in: typed, inPiecesOf: size)
    try hold(isWhole == (place != nil), "the keys are found if they are there")
    if let place {
      try hold(input.elementsEqual(typed[..<place]), "what comes before them is for the command")
    } else {
      let held = typed.dropFirst(input.count)
      try hold(typed.starts(with: input), "what is no key is for the command")
      try hold(
        held.count < keys.bytes.count && keys.bytes.starts(with: held),
        "only what may become the keys is held back")
    }
  }

  private static func recognized(
    _ keys: DetachKeys, in typed: [UInt8], inPiecesOf size: Int
  ) -> (input: [UInt8], isWhole: Bool) {
    var recognition = DetachKeys.Recognition(keys)
    var input: [UInt8] = []
    var rest = typed[...]
    while !rest.isEmpty {
      let found = recognition.take(rest.prefix(size))
      input += found.input
      if found.isWhole { return (input, true) }
      rest = rest.dropFirst(size)
    }
    return (input, false)
  }
}
