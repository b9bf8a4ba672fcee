import FoundationEssentials
import LinuxSystem
import Testing

@testable import OneOff

@Suite struct TimingTraceTests {
  /// What a viewer reads of a trace.
  struct Document: Decodable {
    struct Event: Decodable {
      var name: String
      var ph: String
      var tid: Int
      var ts: Double?
      var dur: Double?
      var args: [String: String]?
    }

    var traceEvents: [Event]
    var displayTimeUnit: String
  }

  private func document(of trace: TimingTrace) throws -> Document {
    try JSONDecoder().decode(Document.self, from: Data(trace.json()))
  }

  @Test func phasesFollowOneAnother() throws {
    let trace = TimingTrace()
    trace.begin("spec")
    trace.noteStep("first")
    trace.noteStep("second")
    trace.begin("clean-up")
    trace.finish()
    #expect(trace.spans.map(\.name) == ["options", "first", "second", "spec", "clean-up"])
    let phases = trace.spans.filter { $0.name != "first" && $0.name != "second" }
    for (earlier, later) in zip(phases, phases.dropFirst()) {
      #expect(earlier.end == later.beginning)
    }
    let (first, second, spec) = (trace.spans[1], trace.spans[2], trace.spans[3])
    #expect(spec.beginning <= first.beginning && first.end == second.beginning)
    #expect(second.end <= spec.end)
  }

  @Test func optionsBeginWhenTheProcessDid() {
    let worked = processorTime()
    let trace = TimingTrace()
    trace.finish()
    #expect(trace.spans[0].end - trace.spans[0].beginning >= worked)
  }

  @Test func recordsBeginPhases() {
    let trace = TimingTrace()
    trace.begin("start of the command")
    trace.note(.started)
    trace.note(
      .exited(CommandExit(.code(0), wasExecuted: true, userTime: .zero, systemTime: .zero)))
    trace.note(.emptied)
    trace.finish()
    let names = ["options", "start of the command", "command", "everybody else", "reap"]
    #expect(trace.spans.map(\.name) == names)
  }

  @Test func jsonHasTimesInMicrosecondsAndNamesOfLanes() throws {
    let trace = TimingTrace()
    trace.begin("a \"phase\"")
    trace.finish()
    let document = try document(of: trace)
    let names = document.traceEvents.filter { $0.ph == "M" }
    #expect(names.map { $0.args?["name"] } == ["oneoff", "PID 1", "the command's process"])
    #expect(names.map(\.tid) == [1, 2, 3])
    let spans = document.traceEvents.filter { $0.ph == "X" }
    #expect(spans.map(\.name) == ["options", "a \"phase\""])
    #expect(spans[0].ts == 0)
    let end = try #require(spans[0].dur)
    #expect(try abs(#require(spans[1].ts) - end) < 0.001)
  }
}
