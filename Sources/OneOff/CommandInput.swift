import LinuxSystem

/// A pipe on which the input of a command whose caller has gone comes from who is attached to it,
/// one after the other.
final class CommandInput {
  /// Where it is read.
  let source: OwnedDescriptor
  private var writer: OutputWriter?
  private var isEnding = false
  private var isWatched = false

  init() throws(SystemError) {
    let pipe = try Pipe()
    self.writer = OutputWriter(owning: try pipe.writer.duplicate())
    self.source = pipe.takeReader()
  }

  /// Whether there can be more of it.
  var isOpen: Bool { writer != nil && !isEnding }

  /// Whether what was written waits to be taken.
  var isBusy: Bool { writer?.hasPending == true }

  /// Writes what is taken now, and keeps the rest.
  func write(_ bytes: [UInt8]) { if isOpen { writer?.write(bytes[...]) } }

  /// There will be no more.
  func end() { isEnding = true }

  /// Writes more of what was kept, and has a loop watch for when that can go on.
  func advance(in loop: borrowing EventLoop, tag: UInt64) throws(SystemError) {
    guard let writer else { return }
    writer.flush()
    if isWatched != writer.hasPending {
      if isWatched {
        loop.remove(writer.descriptor)
      } else {
        try loop.add(writer.descriptor, tag: tag, for: .writing)
      }
      isWatched = writer.hasPending
    }
    if isEnding, !writer.hasPending { self.writer = nil }
  }
}
