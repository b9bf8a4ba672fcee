/// Something in a specification, an option or an input file that cannot be used.
///
/// The command line prints it as `oneoff: <message>` and `hint: <remedy>`, and exits with 125.
public struct SpecError: Error, Sendable, Hashable {
  /// What is wrong, with the name or position of the offending value.
  public var message: String
  /// What to do about it.
  public var remedy: String?

  /// Makes an error from what is wrong and what to do about it.
  public init(_ message: String, remedy: String? = nil) {
    self.message = message
    self.remedy = remedy
  }
}

extension Error {
  /// What is wrong, on one line and without what to do about it, for where other words follow.
  package var sentence: String { ((self as? SpecError)?.message ?? "\(self)").onOneLine }
}

extension SpecError: CustomStringConvertible {
  /// The message, and the remedy on a line of its own.
  public var description: String {
    remedy.map { "\(message)\nhint: \($0)" } ?? message
  }
}
