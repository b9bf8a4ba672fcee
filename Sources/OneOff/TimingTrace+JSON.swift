// Chrome's trace event format, which chrome://tracing, Perfetto and speedscope show as a picture.

extension TimingTrace {
  /// An event: a span (`X`), or the name of a process or lane (`M`).
  private struct Event: Encodable {
    var name: String
    var ph: String
    var pid = 1
    var tid: Int
    /// Microseconds since the beginning of the run.
    var ts: Double?
    var dur: Double?
    var args: [String: String]?
  }

  private struct Document: Encodable {
    var traceEvents: [Event]
    var displayTimeUnit = "ms"
  }

  /// All of it, as one JSON object and a newline.
  package func json() -> [UInt8] {
    let zero = spans.map(\.beginning).min() ?? .zero
    var events = Lane.allCases.map { lane in
      Event(name: "thread_name", ph: "M", tid: lane.rawValue, args: ["name": lane.name])
    }
    for span in spans.sorted(by: { $0.beginning < $1.beginning }) {
      events.append(
        Event(
          name: span.name, ph: "X", tid: span.lane.rawValue,
          ts: (span.beginning - zero).inMicroseconds,
          dur: (span.end - span.beginning).inMicroseconds))
    }
    return StoredJSON.text(Document(traceEvents: events))
  }
}

extension Duration {
  fileprivate var inMicroseconds: Double { Double(nanoseconds) / 1000 }

  private var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}
