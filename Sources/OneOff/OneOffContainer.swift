public import ContainerSpec
import LinuxSystem
public import SystemPackage

/// A command in a container that is thrown away afterwards: for programs that use oneoff as a
/// library.
///
/// The container is not started by this process but by the small `oneoff` program, which becomes
/// its supervisor: a large program with many threads is never forked, and its signals are left
/// alone. When this process dies, the run is ended.
///
///     let container = try OneOffContainer(spec)
///     let result = try container.run { event in print(event) }
///
/// or, with the same events:
///
///     for try await event in container.events { print(event) }
public struct OneOffContainer: Sendable {
  /// The specification, which was found valid.
  public let spec: RunSpec
  private let program: FilePath

  /// Checks a specification.
  ///
  /// - Parameters:
  ///   - spec: what to run.
  ///   - program: the `oneoff` program; when nil the one that the variable ONEOFF_PROGRAM names,
  ///     else /usr/local/bin/oneoff, else /usr/bin/oneoff.
  /// - Throws: ``OneOffError/spec(_:)`` when the specification cannot be used;
  ///   ``OneOffError/supervisor(_:)`` when there is no program.
  public init(_ spec: RunSpec, program: FilePath? = nil) throws(OneOffError) {
    do {
      try spec.validate()
    } catch {
      throw .spec(error)
    }
    self.spec = spec
    self.program = if let program { program } else { try Self.installedProgram() }
  }

  /// Runs the command, and calls `handle` for every event as it happens; blocks until the end.
  ///
  /// - Returns: how the run ended, also when the command failed.
  /// - Throws: ``OneOffError/setup(_:)`` when the command was never executed;
  ///   ``OneOffError/supervisor(_:)`` when the supervisor was killed.
  @discardableResult
  public func run(_ handle: (RunEvent) -> Void = { _ in }) throws(OneOffError) -> RunResult {
    let supervisor = try SupervisorProcess(program: program, spec: spec)
    return try supervisor.follow(handle)
  }

  /// The events of a run, which starts when the property is read: every reading is a new run.
  ///
  /// Events that nobody asks for are kept in memory; for much output use ``run(_:)``.
  ///
  /// Ends after ``RunEvent/finished(id:_:)``. Whoever stops listening ends the run: the command
  /// gets SIGTERM, and after the grace time the container is killed.
  public var events: AsyncThrowingStream<RunEvent, any Error> {
    AsyncThrowingStream { continuation in
      do {
        let supervisor = try SupervisorProcess(program: program, spec: spec)
        continuation.onTermination = { _ in supervisor.end() }
        // A thread of its own: reading blocks, which a task of the cooperative pool must not.
        try startThread {
          do throws(OneOffError) {
            _ = try supervisor.follow { continuation.yield($0) }
            continuation.finish()
          } catch {
            continuation.finish(throwing: error)
          }
        }
      } catch {
        continuation.finish(throwing: error)
      }
    }
  }

  private static func installedProgram() throws(OneOffError) -> FilePath {
    if let given = Caller.environmentValue("ONEOFF_PROGRAM") {
      return FilePath(String(decoding: given, as: UTF8.self))
    }
    let usual: [FilePath] = ["/usr/local/bin/oneoff", "/usr/bin/oneoff"]
    guard let found = usual.first(where: { (try? fileStatus(following: $0)) != nil }) else {
      throw .supervisor(
        "the oneoff program is not installed\n"
          + "hint: make install, or name it with the variable ONEOFF_PROGRAM")
    }
    return found
  }
}
