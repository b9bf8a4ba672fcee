import Foundation

/// Pseudorandom numbers that a seed determines, the same as in the probe.
///
/// SplitMix64, by Steele, Lea and Flood: Fast splittable pseudorandom number generators (2014).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed &>> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed &>> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed &>> 31
  }

  /// Less than a limit.
  mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

/// What the probe's verb `pour` writes on one stream; see rootfs-fixtures/probe/pour.c.
struct PouredStream {
  /// What the bytes look like.
  enum Kind: String, CaseIterable { case text, binary, invalid, long, feeds }

  var descriptor: Int
  var kind: Kind
  /// At most 5 MB.
  var size: Int
  var seed: UInt64
  /// Whether the last byte is a line feed.
  var endsLine: Bool

  /// As the probe has it.
  var argument: String {
    "\(descriptor):\(kind):\(size):\(seed):\(endsLine ? "feed" : "open")"
  }

  /// The bytes, in which a secret is strewn that is shown as something else.
  func bytes(strewnWith secret: [UInt8]?, shownAs placeholder: [UInt8]) -> [UInt8] {
    var numbers = SplitMix(seed: seed)
    var bytes = filled(&numbers)
    if size > 0 { bytes[size - 1] = UInt8(ascii: endsLine ? "\n" : "x") }
    guard let secret else { return bytes }
    var shown: [UInt8] = []
    var next = 0
    var place = numbers.next(below: 4096)
    while place + secret.count < size {
      shown += bytes[next..<place] + placeholder
      next = place + secret.count
      place = next + 1 + numbers.next(below: 4096)
    }
    return shown + bytes[next...]
  }

  private func filled(_ numbers: inout SplitMix) -> [UInt8] {
    let (kept, set) = kind.mask
    var words = [UInt64](repeating: 0, count: (size + 7) / 8)
    for index in words.indices { words[index] = (numbers.next() & kept | set).littleEndian }
    // Safe: any byte is a valid value.
    var bytes = unsafe words.withUnsafeBytes { unsafe Array($0.prefix(size)) }
    guard let (shortest, spread) = kind.lines else { return bytes }
    var place = shortest + numbers.next(below: spread)
    while place < size {
      bytes[place] = UInt8(ascii: "\n")
      place += shortest + numbers.next(below: spread)
    }
    return bytes
  }
}

extension PouredStream.Kind {
  /// What stays of eight random bytes, and what is set in them.
  fileprivate var mask: (kept: UInt64, set: UInt64) {
    switch self {
    case .text, .long: (0x3f3f_3f3f_3f3f_3f3f, 0x4040_4040_4040_4040)
    case .binary: (.max, 0)
    case .invalid: (.max, 0x8080_8080_8080_8080)
    case .feeds: (0, 0x0a0a_0a0a_0a0a_0a0a)
    }
  }

  /// How far apart the line feeds are that are added.
  fileprivate var lines: (shortest: Int, spread: Int)? {
    switch self {
    case .text, .invalid: (1, 160)
    case .long: (1 << 20, 1)
    case .binary, .feeds: nil
    }
  }
}

/// The bytes of two streams in the order in which the probe writes them: what one pipe for both
/// has.
func poured(_ streams: [[UInt8]], schedule seed: UInt64) -> [UInt8] {
  var numbers = SplitMix(seed: seed)
  var rests = streams.map { $0[...] }
  while rests.count < 2 { rests.append([]) }
  var merged: [UInt8] = []
  while !rests.allSatisfy(\.isEmpty) {
    let number = numbers.next()
    var chosen = Int(number & 1)
    if rests[chosen].isEmpty { chosen = 1 - chosen }
    let length = 1 + Int((number &>> 8) % (1 &<< ((number &>> 1) % 21)))
    merged += rests[chosen].prefix(length)
    rests[chosen] = rests[chosen].dropFirst(length)
  }
  return merged
}
