package import ContainerSpec
package import LinuxSystem
import SystemPackage

/// A connection to the supervisor of a recorded run.
package struct RunConnection: ~Copyable {
  let socket: OwnedDescriptor
  /// What was read after the answer.
  private(set) var rest: [UInt8] = []
  /// Whether the supervisor takes input for the command.
  package private(set) var takesInput = false

  private init(_ socket: consuming OwnedDescriptor) { self.socket = socket }

  /// Takes the connection over that a supervisor was started with.
  package init(toStarted socket: consuming OwnedDescriptor, takesInput: Bool) {
    self.socket = socket
    self.takesInput = takesInput
  }

  /// Connects; nil when nobody listens.
  fileprivate init?(to id: RunID) throws {
    guard let directory = try ControlDirectory.find(),
      let socket = try ControlSocket.connect(to: id.text, in: directory)
    else { return nil }
    self.init(socket)
  }

  /// Asks, and reads the answer; nil when the supervisor has gone instead.
  fileprivate mutating func ask(
    _ request: ControlRequest
  ) throws(SystemError) -> ControlAnswer? {
    do throws(SystemError) {
      try socket.write(StoredJSON.text(request))
    } catch let error where error.errno == .brokenPipe || error.errno == .connectionReset {
      return nil
    }
    var read: [UInt8] = []
    while true {
      if let end = read.firstIndex(of: UInt8(ascii: "\n")) {
        rest = Array(read[(end + 1)...])
        let answer =
          StoredJSON.value(ControlAnswer.self, of: Array(read[..<end])) ?? .notUnderstood
        takesInput = answer.input == true
        return answer
      }
      let bytes = try socket.receive()
      if bytes.isEmpty { return nil }
      read += bytes
    }
  }
}

extension RunStore {
  /// How long somebody is waited for who has begun a record and does not listen yet.
  private static let patience = Duration.seconds(5)

  /// Asks the supervisor of a run, and does something with the connection.
  ///
  /// - Returns: nil when the run is over, or its record is gone.
  /// - Throws: ``OneOffError/supervisor(_:)`` when the supervisor refuses, or does not answer.
  package func ask<Value>(
    _ request: ControlRequest, of id: RunID,
    _ body: (consuming RunConnection) throws(OneOffError) -> Value
  ) throws(OneOffError) -> Value? {
    let deadline = monotonicClock() + Self.patience
    var request = request
    repeat {
      guard let run = try read(id), case .running = run.state else { return nil }
      request.started = run.description.started
      if var connection = try OneOffError.wrap({ try RunConnection(to: id) }),
        let answer = try Self.answer(request, id, &connection)
      {
        if answer.isDone { return try body(connection) }
        throw .supervisor("the supervisor of the run \(id.text) refuses: \(answer.error ?? "")")
      }
      // It has not begun to listen, or has just ended.
      pause(.milliseconds(5))
    } while monotonicClock() < deadline
    throw .supervisor(
      "the supervisor of the run \(id.text) does not listen\n"
        + "hint: was it started with another ONEOFF_RUNTIME_DIR?")
  }

  private static func answer(
    _ request: ControlRequest, _ id: RunID, _ connection: inout RunConnection
  ) throws(OneOffError) -> ControlAnswer? {
    do throws(SystemError) {
      return try connection.ask(request)
    } catch let error where error.errno == .resourceTemporarilyUnavailable {
      throw .supervisor(
        "the supervisor of the run \(id.text) does not answer\n"
          + "hint: is it stopped (SIGSTOP), or is the machine out of memory?")
    } catch {
      throw .system(error)
    }
  }
}
