internal import CLaunch
import Glibc
import SystemPackage

/// A file descriptor with exactly one owner, closed when the owner lets go of it.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number, valid as long as the owner lives.
  public let number: CInt

  /// Takes over an open descriptor.
  public init(owning number: CInt) { self.number = number }

  deinit { close(number) }

  /// Gives the number up; the caller closes it.
  public consuming func release() -> CInt {
    let number = number
    discard self
    return number
  }

  /// Another descriptor of the same open file; what is set for one of them is set for both.
  public func duplicate() throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(owning: try checkNegated(ol_duplicate(number), "fcntl(2)"))
  }

  /// Closes the descriptor now.
  public consuming func closeNow() {}
}

/// The two ends of a pipe; both are closed when a program is executed.
public struct Pipe: ~Copyable, Sendable {
  /// The end that is read.
  public let reader: OwnedDescriptor
  /// The end that is written.
  public let writer: OwnedDescriptor

  /// Makes a pipe.
  ///
  /// - Throws: EMFILE or ENFILE when there are too many descriptors. See pipe(2).
  public init() throws(SystemError) {
    var reader: CInt = -1
    var writer: CInt = -1
    // Safe: the call writes both numbers and keeps no pointer.
    _ = try checkNegated(unsafe ol_pipe(&reader, &writer), "pipe2(2)")
    self.reader = OwnedDescriptor(owning: reader)
    self.writer = OwnedDescriptor(owning: writer)
  }
}

extension Pipe {
  /// The reading end alone; the writing end is closed.
  public consuming func takeReader() -> OwnedDescriptor { reader }

  /// The writing end alone; the reading end is closed.
  public consuming func takeWriter() -> OwnedDescriptor { writer }
}
