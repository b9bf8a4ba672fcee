/// A part of a stream, by its bytes' places from the stream's beginning, and whose secret it is.
struct MaskedRegion: Sendable, Hashable {
  var range: Range<Int>
  var secret: UInt16
}

/// What of a stream is masked, in order; what overlaps is one region.
struct MaskedRegions: Sendable, Hashable {
  private(set) var list: [MaskedRegion] = []

  var isEmpty: Bool { list.isEmpty }

  /// Adds what was found; each ends where the one before does, or later. The name of a region is
  /// that of what begins first in it, and of two of these the longer one's.
  mutating func add(_ found: MaskedRegion) {
    var region = found
    while let last = list.last, last.range.upperBound > region.range.lowerBound {
      if last.range.lowerBound < region.range.lowerBound { region.secret = last.secret }
      let start = min(last.range.lowerBound, region.range.lowerBound)
      region.range = start..<max(last.range.upperBound, region.range.upperBound)
      list.removeLast()
    }
    list.append(region)
  }

  /// Forgets the first regions.
  mutating func removeFirst(_ count: Int) { list.removeFirst(count) }
}

/// One stream of a run on its way to whoever listens: what comes out has no secret in it.
///
/// Bytes that may yet become part of a secret are held back until more of them have come, or the
/// stream ends: never more than the longest pattern has.
package struct MaskedStream: Sendable {
  private let mask: SecretMask
  private var state = SecretScanner.State()
  /// How many bytes have come.
  private var position = 0
  /// The last of them, which were not passed on.
  private(set) var held: [UInt8] = []
  /// What is masked of what was not passed on; the first one may have begun before that.
  private var regions = MaskedRegions()
  /// What was masked last, to which more of the same secret may be joined.
  private var last: MaskedRegion?

  /// A stream from its beginning.
  package init(_ mask: SecretMask) { self.mask = mask }

  /// Takes the next bytes, and passes on what is certain. Where nothing is masked that is the bytes
  /// themselves, and no copy.
  package mutating func pass(_ bytes: ArraySlice<UInt8>, to receive: (ArraySlice<UInt8>) -> Void) {
    mask.scanner.scan(bytes.span, at: position, from: &state, into: &regions)
    position += bytes.count
    release(bytes, before: position - state.depth, to: receive)
  }

  /// Whether bytes wait for what follows them.
  var isHoldingBack: Bool { !held.isEmpty }

  /// Passes on what was held back although more may come: a secret that is whole is masked, and of
  /// one that is not yet, what has come so far is shown and only the rest will be masked.
  mutating func showHeld(to receive: (ArraySlice<UInt8>) -> Void) {
    if regions.isEmpty {
      release([], before: position, to: receive)
    } else {
      releaseMasked([], before: position, isEnd: true, to: receive)
    }
  }

  /// Passes on what was held back: nothing more comes.
  ///
  /// - Parameter isCut: whether more was written, and thrown away. What may have been the beginning
  ///   of a secret is then thrown away, too.
  /// - Returns: how many bytes that are; what is masked is not among them.
  package mutating func end(isCut: Bool, to receive: (ArraySlice<UInt8>) -> Void) -> Int {
    // What was shown before its time is not held any more.
    let limit = isCut ? position - min(state.depth, held.count) : position
    var dropped = position - limit
    for region in regions.list {
      dropped -= max(0, region.range.upperBound - max(region.range.lowerBound, limit))
    }
    if regions.isEmpty {
      release([], before: limit, to: receive)
    } else {
      // Whole, also where what follows could have made it longer.
      releaseMasked([], before: limit, isEnd: true, to: receive)
    }
    held = []
    state = SecretScanner.State()
    return dropped
  }

  /// Passes on what begins before `limit`: what was held and the bytes that have just come.
  private mutating func release(
    _ bytes: ArraySlice<UInt8>, before limit: Int, to receive: (ArraySlice<UInt8>) -> Void
  ) {
    guard regions.isEmpty else {
      releaseMasked(bytes, before: limit, isEnd: false, to: receive)
      return
    }
    let fromHeld = min(held.count, limit - (position - bytes.count - held.count))
    if fromHeld > 0 {
      receive(held[..<fromHeld])
      held.removeFirst(fromHeld)
    }
    let fromBytes = max(0, limit - (position - bytes.count))
    if fromBytes > 0 { receive(bytes.prefix(fromBytes)) }
    held += bytes.dropFirst(fromBytes)
  }

  private mutating func releaseMasked(
    _ bytes: ArraySlice<UInt8>, before limit: Int, isEnd: Bool,
    to receive: (ArraySlice<UInt8>) -> Void
  ) {
    let start = position - bytes.count - held.count
    // What was shown before its time is not held any more.
    let limit = max(limit, start)
    let text = held + bytes
    var output: [UInt8] = []
    output.reserveCapacity(text.count)
    var next = start
    func append(before end: Int) {
      guard next < end else { return }
      output += text[(next - start)..<(end - start)]
      next = end
    }
    var done = 0
    for region in regions.list {
      append(before: min(region.range.lowerBound, limit))
      // One that may grow stays; so do those behind it.
      guard isEnd || region.range.upperBound <= limit else { break }
      if last?.secret != region.secret || last?.range.upperBound != region.range.lowerBound {
        output += mask.placeholder(of: region.secret)
      }
      last = region
      next = region.range.upperBound
      done += 1
    }
    if done == regions.list.count { append(before: limit) }
    regions.removeFirst(done)
    held = Array(text[(limit - start)...])
    if !output.isEmpty { receive(output[...]) }
  }
}
