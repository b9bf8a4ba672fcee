import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import OneOff

/// What the events so far say about a run, kept apart from the state machine that is tested.
private struct History: Hashable {
  var isContainerEnded = false
  var isEmptied = false
  var hasGathered = false
  var endedStreams: Set<OutputStream> = []
  var isDrainOver = false
  var firstFailure: LaunchFailure?
  var exit: CommandExit?
  var isGraceOver = false
  /// Whether somebody has asked for the end at once.
  var isKillWanted = false
  var isFinished = false
  var isStarted = false
  /// Signals that wait until the command is executed.
  var held: Set<Int32> = []
  /// What told the command to end first, while it may have lived.
  var demand = SupervisorState.Cause.itself

  var mayFinish: Bool {
    isContainerEnded && (endedStreams.count == OutputStream.allCases.count || isDrainOver)
  }

  /// The end of all that could change something, or be waited for.
  var mayGather: Bool {
    (isEmptied || isContainerEnded) && isStarted
      && (endedStreams.count == OutputStream.allCases.count || isDrainOver)
  }

  mutating func note(_ event: SupervisorState.Event) {
    switch event {
    case .record(.started), .outputArrived: isStarted = true
    case .signal(let number):
      if mayBeAlive, !isStarted, !SupervisorState.endingSignals.contains(number) {
        held.insert(number)
      }
      // Whoever asks for the end then does not wait for a reader any more.
      if isContainerEnded, SupervisorState.endingSignals.contains(number) { isDrainOver = true }
      if SupervisorState.endingSignals.contains(number) { note(.forwarded(number)) }
      if number == SIGKILL, mayBeAlive { isKillWanted = true }
    case .timeoutExpired: note(.timeout)
    case .silenceExpired: note(.silence)
    case .record(.failed(let failure)): firstFailure = firstFailure ?? failure
    case .record(.exited(let commandExit)): exit = commandExit
    case .record(.emptied): isEmptied = true
    case .outputEnded(let stream): endedStreams.insert(stream)
    case .containerEnded: isContainerEnded = true
    case .graceExpired: if mayBeAlive { isGraceOver = true }
    case .drainExpired: isDrainOver = true
    }
  }

  private mutating func note(_ cause: SupervisorState.Cause) {
    if mayBeAlive, demand == .itself { demand = cause }
  }

  /// The command may still live: nothing says otherwise.
  var mayBeAlive: Bool { !isContainerEnded && exit == nil }
}

@Suite struct SupervisorStateTests {
  fileprivate struct Node: Hashable {
    var state = SupervisorState()
    var history = History()
  }

  fileprivate struct Transition {
    var from: Node
    var event: SupervisorState.Event
    var actions: [SupervisorState.Action]
    var to: Node
  }

  private static let events: [SupervisorState.Event] = [
    .record(.started), .outputArrived, .record(.failed(Sample.failure)),
    .record(.failed(Sample.laterFailure)),
    .record(.exited(Sample.exit(.code(0)))), .record(.exited(Sample.exit(.signal(9)))),
    .record(.exited(Sample.exit(.signal(9), wasExecuted: false))), .record(.emptied),
    .outputEnded(.stdout), .outputEnded(.stderr), .containerEnded,
    .signal(15), .signal(2), .signal(10), .signal(9), .timeoutExpired, .silenceExpired,
    .graceExpired, .drainExpired,
  ]

  /// Every event in every state that any order of the events can lead to.
  private static let transitions: [Transition] = {
    var transitions: [Transition] = []
    var known: Set<Node> = [Node()]
    var unexplored = [Node()]
    while let node = unexplored.popLast() {
      for event in events {
        var next = node
        let actions = next.state.handle(event)
        if !node.history.isFinished { next.history.note(event) }
        if actions.contains(.gather) { next.history.hasGathered = true }
        next.history.isFinished = node.history.isFinished || actions.contains { $0.isFinish }
        transitions.append(Transition(from: node, event: event, actions: actions, to: next))
        if known.insert(next).inserted { unexplored.append(next) }
      }
    }
    return transitions
  }()

  private func check(_ rule: String, _ holds: (Transition) -> Bool) {
    let broken = Self.transitions.first { !holds($0) }
    #expect(
      broken == nil,
      "\(rule): \(broken.map { "\($0.event) → \($0.actions) after \($0.from.history)" } ?? "")")
  }

  @Test func theExplorationReachesHundredsOfStates() {
    let states = Set(Self.transitions.map(\.to.state))
    #expect(states.count > 300)
    #expect(Self.transitions.contains { $0.to.history.isFinished })
  }

  @Test func finishesAsSoonAsTheContainerAndItsStreamsHaveEndedAndNotBefore() {
    check("finish") { transition in
      guard !transition.from.history.isFinished else { return true }
      return transition.actions.contains(where: \.isFinish) == transition.to.history.mayFinish
    }
  }

  @Test func doesNothingOnceFinished() {
    check("silence") { !$0.from.history.isFinished || $0.actions.isEmpty }
  }

  @Test func finishesOnceAndThenDoesNothingElse() {
    check("finish alone") { transition in
      guard let place = transition.actions.firstIndex(where: \.isFinish) else { return true }
      return transition.actions == [transition.actions[place]]
        || transition.actions == [.gather, transition.actions[place]]
    }
  }

  @Test func gathersOnceAsSoonAsNothingCanChangeAnyMoreAndAllOutputIsThere() {
    check("gather") { transition in
      let isDue = transition.to.history.mayGather && !transition.from.history.hasGathered
      return transition.actions.contains(.gather)
        == (isDue && !transition.from.history.isFinished)
    }
    #expect(Self.transitions.contains { $0.actions == [.gather] })
  }

  @Test func neverFinishesARunThatWasStartedWithoutHavingGathered() {
    check("gather before the end") { transition in
      !transition.actions.contains(where: \.isFinish) || !transition.to.history.isStarted
        || transition.to.history.hasGathered
    }
  }

  @Test func forwardsWhileTheCommandMayLiveAndNeverAfterwards() {
    check("forward") { transition in
      let forwarded = transition.actions.compactMap { action in
        if case .forward(let number) = action { number } else { nil }
      }
      let history = transition.from.history
      if transition.actions.contains(.announceStart) { return forwarded == history.held.sorted() }
      if transition.event.isOverTime, history.mayBeAlive, history.demand == .itself {
        return forwarded == [15]
      }
      guard case .signal(let number) = transition.event, number != SIGKILL, history.mayBeAlive
      else { return forwarded.isEmpty }
      let isHeld = !history.isStarted && !SupervisorState.endingSignals.contains(number)
      return forwarded == (isHeld ? [] : [number])
    }
  }

  @Test func startsTheGraceTimeWhenTheCommandIsFirstToldToEndAndOnlyThen() {
    check("grace") { transition in
      let isFirst =
        transition.from.history.demand == .itself && transition.to.history.demand != .itself
        && transition.event != .signal(SIGKILL)
      return transition.actions.contains(.startGrace) == isFirst
    }
    var state = SupervisorState()
    #expect(state.handle(.signal(15)) == [.forward(15), .startGrace])
    #expect(state.handle(.signal(15)) == [.forward(15)])
    #expect(state.handle(.signal(2)) == [.forward(2)])
  }

  @Test func killsWhenTheGraceTimeIsOverOrAtOnceWhereThatIsAskedFor() {
    check("kill") { transition in
      let mustKill =
        [.graceExpired, .signal(SIGKILL)].contains(transition.event)
        && transition.from.history.mayBeAlive
      return transition.actions.contains(.kill) == mustKill
    }
  }

  @Test func waitsForTheStreamsOfAContainerThatHasEndedButNotForEver() {
    check("drain") { transition in
      guard !transition.from.history.isFinished, transition.event == .containerEnded else {
        return !transition.actions.contains(.startDrain)
      }
      return transition.actions.contains(.startDrain) != transition.to.history.mayFinish
    }
  }

  @Test func theFirstFailureIsTheOutcome() {
    check("failure") { transition in
      guard let outcome = transition.outcome, let first = transition.to.history.firstFailure
      else { return true }
      return outcome == .failed(first)
    }
  }

  @Test func aCommandWhoseExitIsKnownHasExited() {
    check("exited") { transition in
      guard let outcome = transition.outcome, transition.to.history.firstFailure == nil else {
        return true
      }
      guard case .exited(let commandExit, _) = outcome else {
        return transition.to.history.exit == nil
      }
      return transition.to.history.exit == commandExit
    }
  }

  @Test func theCauseIsWhatFirstToldTheCommandToEnd() {
    check("cause") { transition in
      guard let cause = transition.outcome?.cause else { return true }
      return cause == transition.to.history.demand
    }
    let causes = Set(Self.transitions.compactMap { $0.outcome?.cause })
    #expect(causes == [.itself, .forwarded(15), .forwarded(2), .forwarded(9), .timeout, .silence])
  }

  @Test func knowsThatItHasKilledExactlyWhenItHas() {
    check("killed") { transition in
      transition.to.state.sentSignals.contains(9)
        == (transition.to.history.isGraceOver || transition.to.history.isKillWanted)
    }
  }

  @Test func announcesTheStartOnceAndWithTheFirstSignOfIt() {
    check("announce") { transition in
      let isSign = transition.event == .record(.started) || transition.event == .outputArrived
      let isFirst = isSign && !transition.from.history.isStarted
      return transition.actions.contains(.announceStart)
        == (isFirst && !transition.from.history.isFinished)
    }
  }
}

extension SupervisorStateTests.Transition {
  var outcome: SupervisorState.Outcome? {
    for case .finish(let outcome) in actions { return outcome }
    return nil
  }
}

extension SupervisorState.Event {
  fileprivate var isOverTime: Bool { self == .timeoutExpired || self == .silenceExpired }
}

extension SupervisorState.Action {
  fileprivate var isFinish: Bool { if case .finish = self { true } else { false } }
}

extension SupervisorState.Outcome {
  fileprivate var cause: SupervisorState.Cause? {
    switch self {
    case .failed: nil
    case .exited(_, let cause), .lost(let cause, _): cause
    }
  }
}
