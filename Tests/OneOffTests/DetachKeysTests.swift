import ContainerSpec
import Testing

@testable import OneOff

@Suite struct DetachKeysTests {
  private func keys(_ text: String) throws -> DetachKeys {
    try DetachKeys(parsing: ByteString(text))
  }

  @Test func areReadInDockersNotation() throws {
    #expect(try keys("ctrl-p,ctrl-q") == .usual)
    #expect(try keys("ctrl-p,ctrl-q").bytes == [0x10, 0x11])
    #expect(try keys("a,Z,1").bytes == Array("aZ1".utf8))
    #expect(
      try keys("ctrl-@,ctrl-a,ctrl-z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_").bytes
        == [0, 1, 26, 27, 28, 29, 30, 31])
  }

  @Test(
    arguments: ["", ",", "a,", ",a", "ctrl-", "ctrl-A", "ctrl-1", "ctrl-ab", "strg-p", "ab", "é"])
  func nothingElseIs(text: String) {
    #expect(throws: SpecError.self) { try keys(text) }
  }

  /// What is passed on of what comes in these pieces, and whether it was left.
  private func passed(_ pieces: [String], _ text: String) throws -> (String, Bool) {
    var recognition = DetachKeys.Recognition(try keys(text))
    var input: [UInt8] = []
    for piece in pieces {
      let (bytes, isWhole) = recognition.take(Array(piece.utf8)[...])
      input += bytes
      if isWhole { return (String(decoding: input, as: UTF8.self), true) }
    }
    return (String(decoding: input, as: UTF8.self), false)
  }

  @Test(arguments: [
    (["ls\r"], "ls\r", false), (["ab\u{10}\u{11}cd"], "ab", true),
    (["ab\u{10}", "\u{11}"], "ab", true), (["ab\u{10}", "x"], "ab\u{10}x", false),
    (["\u{10}\u{10}\u{11}"], "\u{10}", true), (["\u{11}\u{10}"], "\u{11}", false),
  ])
  func areFoundWhereverReadsEnd(pieces: [String], expected: String, isLeft: Bool) throws {
    let (input, found) = try passed(pieces, "ctrl-p,ctrl-q")
    #expect(input == expected)
    #expect(found == isLeft)
  }

  @Test func whatBeginsLikeThemInTheMiddleOfThemIsFound() throws {
    #expect(try passed(["xaabaaabaac"], "a,a,b,a,a,c") == ("xaaba", true))
    #expect(try passed(["a", "a", "a", "b"], "a,a,b") == ("a", true))
  }
}
