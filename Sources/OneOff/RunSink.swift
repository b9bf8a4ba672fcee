package import ContainerSpec
package import LinuxSystem

/// Where the events of a run go: a person's terminal, a pipe, a file of events.
///
/// A sink is called by the supervisor's one thread. It never blocks: it hands its bytes to an
/// ``OutputWriter``, and the supervisor stops reading from the command until they are accepted; or
/// to a ``RecordChannel``, which says for how long that is.
package protocol RunSink: AnyObject {
  /// What the sink writes through.
  var writers: [OutputWriter] { get }

  /// What the sink passes records on through, and the result tells of; nil for a sink that loses
  /// nothing.
  var channel: RecordChannel? { get }

  /// Whether the sink can still pass on what it receives.
  func accepts(_ stream: OutputStream) -> Bool

  /// The command was executed.
  func started(id: RunID, time: Duration, pid: Int32)

  /// The command has written bytes; they are valid during the call.
  func received(_ bytes: ArraySlice<UInt8>, on stream: OutputStream, at time: Duration)

  /// The command will write no more on a stream.
  func ended(_ stream: OutputStream)

  /// The command has written much, and then nothing for a while.
  func rested()

  /// Something that the caller should know.
  func warned(_ warning: RunWarning)

  /// The command was told to end, and has this long to do so.
  func waiting(atMost grace: Duration)

  /// Whether the sink wants to be told how the run is doing.
  var wantsSamples: Bool { get }

  /// How the run is doing; told every second.
  func sampled(_ sample: RunSample)

  /// How long nothing of the command is shown before the sink wants to be told that it still runs;
  /// nil when it does not.
  var heartbeat: Duration? { get }

  /// The command still runs, and nothing of it was shown for a while.
  ///
  /// - Parameter time: how long it has run.
  func stillRunning(after time: Duration)

  /// Whether the sink wants to be told every change.
  var listsChanges: Bool { get }

  /// The run has changed something; told once nothing of the container but PID 1 lives.
  func changed(_ change: Change)

  /// Every change was told.
  ///
  /// - Returns: how many of them the sink could not pass on, because their reader took too long.
  func endedChanges() -> Int

  /// What the sink has run into, to be told to everybody; asked for after output and at the end,
  /// and told once.
  func takeWarning() -> RunWarning?

  /// Adds what only the sink knows to the result, before that is told to anybody.
  func complete(_ log: inout RunResult.Log)

  /// The run is over.
  func finished(id: RunID, result: RunResult)
}

// What a sink has no interest in.
extension RunSink {
  /// None.
  package var channel: RecordChannel? { nil }

  /// Does nothing.
  package func started(id: RunID, time: Duration, pid: Int32) {}

  /// Does nothing.
  package func ended(_ stream: OutputStream) {}

  /// Does nothing.
  package func rested() {}

  /// Does nothing.
  package func waiting(atMost grace: Duration) {}

  /// It does not.
  package var wantsSamples: Bool { false }

  /// Does nothing.
  package func sampled(_ sample: RunSample) {}

  /// It does not.
  package var heartbeat: Duration? { nil }

  /// Does nothing.
  package func stillRunning(after time: Duration) {}

  /// It does not.
  package var listsChanges: Bool { false }

  /// Does nothing.
  package func changed(_ change: Change) {}

  /// Nothing.
  package func takeWarning() -> RunWarning? { nil }

  /// Adds nothing.
  package func complete(_ log: inout RunResult.Log) {}

  /// Does nothing.
  package func endedChanges() -> Int { 0 }

  /// Does nothing.
  package func finished(id: RunID, result: RunResult) {}
}
