extension ByteString: CustomStringConvertible {
  /// Takes the UTF-8 of `text`.
  ///
  /// - Throws: ``SpecError`` when the text contains NUL; `subject` names the value in the message.
  public init(_ text: String, subject: String = "a string") throws(SpecError) {
    try self.init(bytes: Array(text.utf8), subject: subject)
  }
}

extension ByteString: ExpressibleByStringLiteral {
  /// Takes the UTF-8 of a literal, which must not contain NUL.
  public init(stringLiteral text: String) {
    do {
      try self.init(text)
    } catch {
      preconditionFailure(error.message)
    }
  }
}
