public import ContainerSpec
public import LinuxSystem

/// Why a run did not come about.
///
/// A command that was executed and failed is not an error: it is a ``RunResult``.
public enum OneOffError: Error, Sendable, Hashable {
  /// The specification, or what it names, cannot be used.
  case spec(SpecError)
  /// A system call of the supervisor failed.
  case system(SystemError)
  /// The container was started, and the command was never executed.
  case setup(SetupFailure)
  /// The `oneoff` program, which supervises the run for a library, could not do its part.
  case supervisor(String)

  /// The exit status of the command line: 127 when the command was not found, 126 when it was
  /// found and could not be executed, 125 for everything else.
  public var exitStatus: Int32 {
    guard case .setup(let failure) = self else { return 125 }
    return failure.exitStatus
  }
}

extension OneOffError: CustomStringConvertible {
  /// What went wrong, and on a line of its own, after `hint: `, what to do about it.
  public var description: String {
    switch self {
    case .spec(let error): error.description
    case .system(let error): error.description
    case .setup(let failure): failure.description
    case .supervisor(let text): text
    }
  }
}

/// Why a command was never executed.
public struct SetupFailure: Sendable, Hashable, CustomStringConvertible {
  /// What failed and why, with the hint on a line of its own.
  public var description: String
  /// 125, 126 or 127; see ``OneOffError/exitStatus``.
  public var exitStatus: Int32
}

extension OneOffError {
  /// Runs a function whose errors are a `SpecError` or a `SystemError`.
  static func wrap<Value: ~Copyable>(_ body: () throws -> Value) throws(OneOffError) -> Value {
    do {
      return try body()
    } catch {
      throw wrapping(error)
    }
  }

  /// A `SpecError` or a `SystemError` as an error of this kind.
  static func wrapping(_ error: any Error) -> OneOffError {
    switch error {
    case let error as OneOffError: error
    case let error as SpecError: .spec(error)
    case let error as SystemError: .system(error.withHint())
    default: preconditionFailure("an error of another type: \(error)")
    }
  }
}
