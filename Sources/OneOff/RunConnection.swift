package import ContainerSpec
import LinuxSystem
import SystemPackage

/// A connection to the supervisor of a recorded run.
package struct RunConnection: ~Copyable {
  private let socket: OwnedDescriptor
  /// What was read after the answer.
  private var rest: [UInt8] = []

  private init(_ socket: consuming OwnedDescriptor) { self.socket = socket }

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
        return StoredJSON.value(ControlAnswer.self, of: Array(read[..<end])) ?? .notUnderstood
      }
      let bytes = try socket.receive()
      if bytes.isEmpty { return nil }
      read += bytes
    }
  }

  /// Hands on what the command writes, until the run is over; blocks.
  ///
  /// - Returns: why the supervisor has stopped sending although the run goes on; nil when it is
  ///   over, or the supervisor is dead.
  package consuming func follow(
    _ handle: (ArraySlice<UInt8>, OutputStream) -> Void
  ) throws(OneOffError) -> String? {
    var reader = ControlFrame.Reader()
    var bytes = rest
    do throws(SystemError) {
      try socket.waitForever()
      while true {
        for frame in reader.take(bytes) {
          switch frame.kind {
          case .stdout: handle(frame.bytes[...], .stdout)
          case .stderr: handle(frame.bytes[...], .stderr)
          case .dropped: return String(decoding: frame.bytes, as: UTF8.self)
          case .end: return nil
          }
        }
        bytes = try socket.receive()
        if bytes.isEmpty { return nil }
      }
    } catch {
      throw .system(error)
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
    repeat {
      // The record first: whoever then answers is its run's supervisor.
      guard case .running = try read(id)?.state else { return nil }
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
