public import SystemPackage

/// The name of a file below a directory's descriptor: text where oneoff has chosen it, and bytes
/// where somebody else has, who may have taken any but NUL and `/`.
public protocol FileName {
  /// Calls `body` with the name as a C string, valid during the call.
  func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result

  /// Whether it is the directory itself.
  var isEmpty: Bool { get }

  /// What an error says of the name.
  var errorSubject: String { get }
}

extension String: FileName {
  /// Calls `body` with the name as a C string, valid during the call.
  public func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    // Safe: the body does not keep the pointer.
    unsafe withCString { unsafe body($0) }
  }

  /// `of` and the name.
  public var errorSubject: String { "of \(self)" }
}

extension FilePath: FileName {
  /// Calls `body` with the path as a C string, valid during the call.
  public func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    // Safe: the body does not keep the pointer.
    unsafe withPlatformString { unsafe body($0) }
  }

  /// `of` and the path.
  public var errorSubject: String { "of \(self)" }
}

extension [UInt8]: FileName {
  /// Calls `body` with the name as a C string, valid during the call.
  public func withFileName<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    // Safe: the buffer ends with NUL, and so has a first byte; the body does not keep the pointer.
    unsafe (self + [0]).withUnsafeBufferPointer { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { text in
        guard let start = text.baseAddress else { preconditionFailure("there is a NUL at least") }
        return unsafe body(start)
      }
    }
  }

  /// Nothing: a name may be made to look like something else, and whoever catches the error knows
  /// how to show it.
  public var errorSubject: String { "" }
}
