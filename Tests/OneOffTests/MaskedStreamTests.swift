import ContainerSpec
import Testing

@testable import OneOff

/// Numbers that are the same in every run of the tests: SplitMix64.
private struct RepeatableNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

@Suite struct MaskedStreamTests {
  /// What comes out when the bytes arrive in pieces of these lengths, and then the rest.
  private func masked(
    _ text: [UInt8], _ mask: SecretMask, pieces: [Int] = [], isCut: Bool = false
  ) -> (output: [UInt8], lost: Int) {
    var output: [UInt8] = []
    var stream = MaskedStream(mask)
    var rest = text[...]
    for length in pieces {
      stream.pass(rest.prefix(length)) { output += $0 }
      rest = rest.dropFirst(length)
    }
    stream.pass(rest) { output += $0 }
    let lost = stream.end(isCut: isCut) { output += $0 }
    return (output, lost)
  }

  private func mask(_ secrets: [(String, String)]) throws -> SecretMask {
    try #require(SecretMask(secrets.map { Secret(name: $0.0, value: $0.1.utf8) }))
  }

  /// The same by looking everywhere for everything.
  private func reference(_ text: [UInt8], _ secrets: [Secret]) -> [UInt8] {
    let patterns = secrets.map { SecretPatterns(of: $0.value).patterns }
    var regions: [(range: Range<Int>, secret: Int)] = []
    for start in text.indices {
      // The longest of those that begin here, and the first of these.
      var found: (length: Int, secret: Int)?
      for (index, forms) in patterns.enumerated() {
        for form in forms where text[start...].starts(with: form) {
          if form.count > found?.length ?? 0 { found = (form.count, index) }
        }
      }
      guard let found else { continue }
      let range = start..<(start + found.length)
      if let last = regions.last, last.range.upperBound > start {
        let end = max(last.range.upperBound, range.upperBound)
        regions[regions.count - 1].range = last.range.lowerBound..<end
      } else {
        regions.append((range, found.secret))
      }
    }
    var output: [UInt8] = []
    var next = 0
    for (index, region) in regions.enumerated() {
      output += text[next..<region.range.lowerBound]
      next = region.range.upperBound
      if index > 0, regions[index - 1].secret == region.secret,
        regions[index - 1].range.upperBound == region.range.lowerBound
      {
        continue
      }
      output += Array("[masked:\(secrets[region.secret].name)]".utf8)
    }
    return output + text[next...]
  }

  @Test func everyPatternIsFoundWhereverTheReadsEnd() throws {
    let secret = Secret(name: "S", value: "s3cr3t/välue+ \"x\"\nsecond line".utf8)
    let mask = try #require(SecretMask([secret]))
    let expected = Array("<[masked:S]>".utf8)
    for pattern in SecretPatterns(of: secret.value).patterns {
      let text = [UInt8(ascii: "<")] + pattern + [UInt8(ascii: ">")]
      #expect(masked(text, mask).output == expected)
      #expect(masked(text, mask, pieces: text.map { _ in 1 }).output == expected)
      for first in text.indices {
        #expect(masked(text, mask, pieces: [first]).output == expected)
      }
      for first in stride(from: 0, to: text.count, by: 3) {
        for second in stride(from: 0, to: text.count - first, by: 3) {
          #expect(masked(text, mask, pieces: [first, second]).output == expected)
        }
      }
    }
  }

  @Test(arguments: [
    // One begins another, one is inside of another, and they overlap.
    ("12345678 123456789", "[masked:A] [masked:B]"),
    ("123456789012345678", "[masked:L]"),
    ("12345678901234567-", "[masked:B]01234567-"),
    ("xx345678901234567-", "xx345678901234567-"),
    ("abcdefghijklm", "[masked:C]"),
    ("abcdefghefghijklm", "[masked:C][masked:D]"),
    // Twice the same is one.
    ("abcdefghabcdefgh.", "[masked:C]."),
    ("abcdefgh abcdefgh", "[masked:C] [masked:C]"),
    ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz!", "[masked:Z]!"),
    ("zzzzzzz!", "zzzzzzz!"),
  ])
  func overlapsAreOne(text: String, expected: String) throws {
    let mask = try mask([
      ("A", "12345678"), ("B", "123456789"), ("L", "123456789012345678"), ("C", "abcdefgh"),
      ("D", "efghijklm"), ("Z", "zzzzzzzz"),
    ])
    let text = Array(text.utf8)
    for length in 0...text.count {
      let result = masked(text, mask, pieces: [length]).output
      #expect(String(decoding: result, as: UTF8.self) == expected)
    }
    let single = masked(text, mask, pieces: text.map { _ in 1 }).output
    #expect(String(decoding: single, as: UTF8.self) == expected)
  }

  @Test func onlyWhatMayBecomeASecretIsHeldBack() throws {
    let mask = try mask([("S", "secret-value")])
    var stream = MaskedStream(mask)
    var output: [String] = []
    func pass(_ text: String) {
      stream.pass(Array(text.utf8)[...]) { output.append(String(decoding: $0, as: UTF8.self)) }
    }
    pass("Password: ")
    pass("a sec")
    pass("ond")
    pass(" secret-valu")
    #expect(output == ["Password: ", "a ", "sec", "ond", " "])
    _ = stream.end(isCut: false) { output.append(String(decoding: $0, as: UTF8.self)) }
    #expect(output.last == "secret-valu")
  }

  @Test func beginningOfASecretIsNotShownWhereTheOutputIsCut() throws {
    let mask = try mask([("S", "secret-value"), ("T", "ret-valu")])
    let text = Array("x secret-val".utf8)
    #expect(masked(text, mask).output == text)
    let cut = masked(text, mask, isCut: true)
    #expect(cut.output == Array("x ".utf8))
    #expect(cut.lost == 10)
    // What is whole is masked, also where it could have become longer.
    let inner = masked(Array("x secret-valu".utf8), mask, isCut: true)
    #expect(inner.output == Array("x [masked:T]".utf8))
    #expect(inner.lost == 3)
    // What was shown already is not thrown away.
    var stream = MaskedStream(mask)
    stream.pass(text[...]) { _ in }
    stream.showHeld { _ in }
    #expect(stream.end(isCut: true) { _ in } == 0)
  }

  @Test func whatIsHeldBackIsBounded() throws {
    let mask = try mask([("Z", String(repeating: "z", count: 100_000))])
    var stream = MaskedStream(mask)
    var count = 0
    for _ in 0..<50 {
      stream.pass(Array(repeating: UInt8(ascii: "z"), count: 10_000)[...]) { count += $0.count }
    }
    #expect(count == 0)
    #expect(stream.held.count <= SecretPatterns.longest)
    stream.pass(Array("!".utf8)[...]) { count += $0.count }
    #expect(count == "[masked:Z]!".utf8.count)
  }

  @Test func bytesWithoutASecretAreNotCopied() throws {
    let mask = try mask([("S", "secret-value")])
    var stream = MaskedStream(mask)
    let bytes = Array("nothing to be seen here\n".utf8)
    var isSame = false
    stream.pass(bytes[...]) { isSame = $0.span.isIdentical(to: bytes.span) }
    #expect(isSame)
  }

  @Test(arguments: 0..<40)
  func agreesWithTheReference(seed: UInt64) throws {
    var numbers = RepeatableNumbers(state: seed)
    // Few letters, so that there is much of overlaps and beginnings.
    let letters = Array("ab1/ \n".utf8.prefix(Int.random(in: 2...6, using: &numbers)))
    func random(_ lengths: ClosedRange<Int>) -> [UInt8] {
      (0..<Int.random(in: lengths, using: &numbers)).map { _ in
        letters.randomElement(using: &numbers) ?? 0
      }
    }
    let secrets = (0..<Int.random(in: 1...6, using: &numbers)).map {
      Secret(name: "S\($0)", value: random(8...(seed % 8 == 0 ? 300 : 24)))
    }
    let mask = try #require(SecretMask(secrets))
    for _ in 0..<8 {
      var text: [UInt8] = []
      while text.count < 400 {
        let forms = SecretPatterns(of: secrets.randomElement(using: &numbers)?.value ?? []).patterns
        let form = forms.randomElement(using: &numbers) ?? []
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: text += form
        case 1: text += form.prefix(Int.random(in: 0...form.count, using: &numbers))
        case 2: text += form.suffix(Int.random(in: 0...form.count, using: &numbers))
        default: text += random(0...20)
        }
      }
      let expected = reference(text, secrets)
      #expect(masked(text, mask).output == expected)
      let pieces = (0..<60).map { _ in Int.random(in: 0...12, using: &numbers) }
      #expect(masked(text, mask, pieces: pieces).output == expected)
    }
  }

  /// On a terminal, a prompt that reads like the beginning of a secret is shown after a moment.
  @Test func whatIsHeldBackCanBeShownBeforeItIsCertain() throws {
    let mask = try mask([("TOKEN", "hunter2-hunter2"), ("LONG", "hunter2-hunter2-hunter3")])
    var output: [UInt8] = []
    var text: String { String(decoding: output, as: UTF8.self) }
    var stream = MaskedStream(mask)
    let receive: (ArraySlice<UInt8>) -> Void = { output += $0 }
    stream.pass(Array("login: hunt".utf8)[...], to: receive)
    #expect(text == "login: ")
    #expect(stream.isHoldingBack)
    stream.showHeld(to: receive)
    #expect(text == "login: hunt")
    #expect(!stream.isHoldingBack)
    // Only the rest of it can still be masked.
    stream.pass(Array("er2-hunter2 ok\n".utf8)[...], to: receive)
    #expect(text == "login: hunt[masked:TOKEN] ok\n")
    // One that is whole and may grow.
    stream.pass(Array("hunter2-hunter2".utf8)[...], to: receive)
    stream.showHeld(to: receive)
    #expect(text.hasSuffix(" ok\n[masked:TOKEN]"))
    stream.pass(Array("-hunter3.".utf8)[...], to: receive)
    #expect(!text.contains("hunter3"))
    #expect(text.hasSuffix("."))
    #expect(stream.end(isCut: false, to: receive) == 0)
  }

  /// Whatever is shown when, no byte is lost or doubled where nothing is secret.
  @Test func showingEarlyLosesNothing() throws {
    let mask = try mask([("TOKEN", "abababab"), ("OTHER", "babbabba")])
    var numbers = RepeatableNumbers(state: 7)
    for _ in 0..<200 {
      let text = (0..<40).map { _ in UInt8(ascii: "a") + UInt8.random(in: 0...2, using: &numbers) }
      var output: [UInt8] = []
      var stream = MaskedStream(mask)
      for byte in text {
        stream.pass([byte]) { output += $0 }
        stream.showHeld { output += $0 }
      }
      _ = stream.end(isCut: false) { output += $0 }
      let shown = String(decoding: output, as: UTF8.self)
      if !shown.contains("[masked:") { #expect(output == text) }
      #expect(!shown.contains("abababab"))
    }
  }
}
