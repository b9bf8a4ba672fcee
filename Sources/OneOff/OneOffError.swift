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
  /// An operation of the launch plan failed in the container.
  case launch(LaunchFailureReport)
  /// The `oneoff` program, which supervises the run for a library, could not do its part.
  case supervisor(String)

  /// The exit status of the command line: 127 when the command was not found, 126 when it was
  /// found and could not be executed, 125 for everything else.
  public var exitStatus: Int32 {
    guard case .launch(let report) = self else { return 125 }
    return report.exitStatus
  }
}

extension OneOffError: CustomStringConvertible {
  /// What went wrong, and on a line of its own, after `hint: `, what to do about it.
  public var description: String {
    switch self {
    case .spec(let error): error.description
    case .system(let error): error.description
    case .launch(let report): report.description
    case .supervisor(let text): text
    }
  }
}

/// A failed operation of a launch plan, in words.
public struct LaunchFailureReport: Sendable, Hashable, CustomStringConvertible {
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
    } catch let error as OneOffError {
      throw error
    } catch let error as SpecError {
      throw .spec(error)
    } catch let error as SystemError {
      throw .system(error)
    } catch {
      preconditionFailure("an error of another type: \(error)")
    }
  }
}
