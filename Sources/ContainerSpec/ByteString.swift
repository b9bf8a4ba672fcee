/// A string of bytes as the kernel sees it: an argument, or the value of an environment variable.
///
/// Unlike `String` it is not required to be UTF-8, so that arguments reach the command exactly as
/// given. It never contains NUL, which execve(2) could not pass on.
public struct ByteString: Sendable, Hashable {
  /// The bytes, without a terminating NUL.
  public let bytes: [UInt8]

  /// Wraps `bytes`.
  ///
  /// - Throws: ``SpecError`` when a byte is NUL; `subject` names the value in the message.
  public init(bytes: [UInt8], subject: String) throws(SpecError) {
    guard !bytes.contains(0) else {
      throw SpecError(
        "\(subject) contains a NUL byte", remedy: "remove it; the kernel cannot pass it on")
    }
    self.bytes = bytes
  }

  /// The text with each invalid UTF-8 sequence shown as U+FFFD, for messages.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
