/// Finds every occurrence of some patterns in a stream of bytes, whatever pieces it comes in.
///
/// An Aho–Corasick automaton (Aho, Corasick 1975) decides. It is asked only where a filter says
/// that something may begin: every pattern has at least 8 bytes, so that of every few bytes four
/// are looked up among those that patterns have near their beginnings (as Wu and Manber do, 1994).
struct SecretScanner: Sendable {
  /// A state of the automaton: the beginning of a pattern that was seen last.
  private struct Node: Sendable {
    /// The byte that leads here.
    var byte: UInt8
    /// How many bytes were seen.
    var depth: UInt8
    /// The length of the longest pattern that ends here; 0 for none.
    var length: UInt8 = 0
    /// Whose pattern that is.
    var secret: UInt16 = 0
    /// The first node that is one byte further; 0 for none.
    var child: Int32 = 0
    /// The next of the nodes that continue the same one; 0 for none.
    var sibling: Int32 = 0
    /// The longest other beginning of a pattern that the bytes seen end with.
    var failure: Int32 = 0
  }

  /// A state between two pieces of a stream.
  struct State: Sendable {
    fileprivate var node: Int32 = 0
    /// How many bytes at the end of what was scanned may still become part of a match.
    fileprivate(set) var depth = 0
  }

  /// The most bytes of a pattern whose places a node's ``Node/depth`` can count; those that are
  /// made of secrets are shorter (``SecretPatterns/longest``).
  private static let longestCountable = Int(UInt8.max)
  private static let gramLength = 4
  private static let longestWindow = 16

  private var nodes = [Node(byte: 0, depth: 0)]
  /// The node of each first byte; 0 for none.
  private var firstNodes = [Int32](repeating: 0, count: 256)
  /// One bit for each value of the hash.
  private var filter: [UInt64] = []
  private var shift: UInt32 = 0
  /// How far apart the bytes are that are looked up.
  private var step = 1

  /// Makes an automaton for patterns of 8 to 255 bytes. Of two equal patterns the first counts.
  init(_ patterns: [(bytes: [UInt8], secret: UInt16)]) {
    var shortest = Self.longestWindow
    for pattern in patterns {
      precondition((8...Self.longestCountable).contains(pattern.bytes.count))
      shortest = min(shortest, pattern.bytes.count)
      insert(pattern.bytes, secret: pattern.secret)
    }
    linkFailures()
    step = shortest - Self.gramLength + 1
    makeFilter(patterns)
  }

  // MARK: Making

  private mutating func insert(_ pattern: [UInt8], secret: UInt16) {
    var node = 0
    for (index, byte) in pattern.enumerated() {
      if let child = child(of: node, byte) {
        node = child
        continue
      }
      let made = nodes.count
      var new = Node(byte: byte, depth: UInt8(index + 1))
      if node == 0 {
        firstNodes[Int(byte)] = Int32(made)
      } else {
        new.sibling = nodes[node].child
        nodes[node].child = Int32(made)
      }
      nodes.append(new)
      node = made
    }
    guard nodes[node].length == 0 else { return }
    nodes[node].length = UInt8(pattern.count)
    nodes[node].secret = secret
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    guard node != 0 else { return firstNodes[Int(byte)] == 0 ? nil : Int(firstNodes[Int(byte)]) }
    var child = Int(nodes[node].child)
    while child != 0, nodes[child].byte != byte { child = Int(nodes[child].sibling) }
    return child == 0 ? nil : child
  }

  /// Links every node, the shallow ones first, to the one that goes on when nothing follows it.
  private mutating func linkFailures() {
    var queue = firstNodes.filter { $0 != 0 }
    var next = 0
    while next < queue.count {
      let node = Int(queue[next])
      next += 1
      var child = nodes[node].child
      while child != 0 {
        let index = Int(child)
        let target = successor(of: Int(nodes[node].failure), nodes[index].byte)
        nodes[index].failure = Int32(target)
        if nodes[index].length == 0 {
          nodes[index].length = nodes[target].length
          nodes[index].secret = nodes[target].secret
        }
        queue.append(child)
        child = nodes[index].sibling
      }
    }
  }

  private mutating func makeFilter(_ patterns: [(bytes: [UInt8], secret: UInt16)]) {
    var bits: UInt32 = 12
    while bits < 18, 1 << bits < 32 * step * patterns.count { bits += 1 }
    shift = 32 - bits
    filter = [UInt64](repeating: 0, count: 1 << (bits - 6))
    for (bytes, _) in patterns {
      for start in 0..<step {
        let gram = Self.gram(bytes.span, at: start)
        for place in [firstPlace(of: gram), secondPlace(of: gram)] {
          filter[place >> 6] |= 1 << UInt64(place & 63)
        }
      }
    }
  }

  @inline(__always)
  private static func gram(_ bytes: Span<UInt8>, at start: Int) -> UInt32 {
    UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2]) << 16
      | UInt32(bytes[start + 3]) << 24
  }

  // Where in the filter some bytes have their bits (Bloom 1970), by multipliers of Knuth's and
  // Appleby's.

  @inline(__always)
  private func firstPlace(of gram: UInt32) -> Int {
    Int(truncatingIfNeeded: (gram &* 0x9e37_79b1) &>> shift)
  }

  @inline(__always)
  private func secondPlace(of gram: UInt32) -> Int {
    Int(truncatingIfNeeded: (gram &* 0x85eb_ca6b) &>> shift)
  }

  // MARK: Scanning

  private func successor(of node: Int, _ byte: UInt8) -> Int {
    var node = node
    while node != 0 {
      if let child = child(of: node, byte) { return child }
      node = Int(nodes[node].failure)
    }
    return Int(firstNodes[Int(byte)])
  }

  /// Scans the next bytes of a stream.
  ///
  /// - Parameters:
  ///   - offset: how many bytes of the stream came before.
  ///   - state: where the scan before has left off.
  ///   - regions: takes what was found.
  func scan(
    _ bytes: Span<UInt8>, at offset: Int, from state: inout State,
    into regions: inout MaskedRegions
  ) {
    let nodes = nodes.span
    var node = Int(state.node)
    var index = 0
    // What begins at this byte or before is for the automaton to decide.
    var suspect = -1
    while index < bytes.count {
      while index < bytes.count, index - Int(nodes[node].depth) <= suspect {
        node = successor(of: node, bytes[index])
        index += 1
        let length = Int(nodes[node].length)
        if length > 0 {
          let end = offset + index
          regions.add(.init(range: (end - length)..<end, secret: nodes[node].secret))
        }
      }
      guard index < bytes.count else { break }
      // What begins before this is decided; a byte that is looked up speaks for those before it.
      let undecided = index - Int(nodes[node].depth)
      let found = nextSuspect(in: bytes, from: undecided + step - 1)
      let resumed = found - step + 1
      if resumed > index {
        index = resumed
        node = 0
      }
      // At the end, where there are too few bytes to look up, all of them.
      suspect = found + Self.gramLength <= bytes.count ? found : bytes.count
    }
    state.node = Int32(node)
    state.depth = Int(nodes[node].depth)
  }

  /// The first of every `step` bytes from `start` on at which the filter knows the next four; where
  /// there is none, the first at which there are no four.
  private func nextSuspect(in bytes: Span<UInt8>, from start: Int) -> Int {
    let filter = filter.span
    var index = start
    while index + Self.gramLength <= bytes.count {
      let gram = Self.gram(bytes, at: index)
      let first = firstPlace(of: gram)
      if filter[first >> 6] & 1 << UInt64(first & 63) != 0 {
        let second = secondPlace(of: gram)
        if filter[second >> 6] & 1 << UInt64(second & 63) != 0 { break }
      }
      index += step
    }
    return index
  }
}
