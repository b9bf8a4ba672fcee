extension RunSpec {
  /// The lowest niceness, which gets the most processor time, and the highest. See nice(2).
  public static let nicenessRange: ClosedRange<Int32> = -20...19
  /// From "never killed" to "killed first". See proc_pid_oom_score_adj(5).
  public static let oomScoreAdjustmentRange: ClosedRange<Int32> = -1000...1000

  func validateTimes() throws(SpecError) {
    // A range of durations, before anything asks for the components of one, which may overflow.
    guard grace >= .zero, grace <= RunSpec.maximumTime else {
      throw SpecError(
        "the grace time is negative or longer than 365 days", remedy: "give 0s or more")
    }
    try Self.validate(timeLimit: timeout, "time limit")
    try Self.validate(timeLimit: silenceTimeout, "time limit of silence")
  }

  private static func validate(timeLimit: Duration?, _ subject: String) throws(SpecError) {
    guard let timeLimit else { return }
    guard timeLimit > .zero, timeLimit <= RunSpec.maximumTime else {
      throw SpecError(
        "the \(subject) is not above 0, or longer than 365 days",
        remedy: "give a time such as 90s or 20m, or none")
    }
  }

  func validateProcessLimits() throws(SpecError) {
    for (index, limit) in resourceLimits.enumerated() {
      try limit.validate()
      guard !resourceLimits[..<index].contains(where: { $0.resource == limit.resource }) else {
        throw SpecError(
          "the resource \(limit.resource.rawValue) has two limits", remedy: "give one")
      }
    }
    if let niceness {
      guard RunSpec.nicenessRange.contains(niceness) else {
        throw SpecError(
          "a niceness of \(niceness) does not exist", remedy: "give a number from -20 to 19")
      }
    }
    if let oomScoreAdjustment {
      guard RunSpec.oomScoreAdjustmentRange.contains(oomScoreAdjustment) else {
        throw SpecError(
          "an OOM score adjustment of \(oomScoreAdjustment) does not exist",
          remedy: "give a number from -1000 to 1000")
      }
    }
    if let logMaximum, logMaximum.bytes == 0 {
      throw SpecError("a log of 0 bytes", remedy: "give a size such as 100M, or none")
    }
  }
}
