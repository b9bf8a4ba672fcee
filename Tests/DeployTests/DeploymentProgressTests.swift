import Testing

@testable import Deploy

/// Every deployment that there can be, step by step.
@Suite struct DeploymentProgressTests {
  /// What happens at each step, in the order in which steps are performed.
  private enum Fate: CaseIterable {
    case succeeds, fails, timesOut, isImpossible, isNotBegun, isCancelledAndFails
    case isCancelledAndSucceeds
  }

  /// What was done, and what became of it.
  private struct Course {
    var performed: [Deployment.Step] = []
    var fates: [Deployment.Step: Fate] = [:]
    var outcome: DeploymentProgress.Outcome

    func hasSucceeded(_ step: Deployment.Step) -> Bool {
      performed.contains(step) && [.succeeds, .isCancelledAndSucceeds].contains(fates[step])
    }
  }

  /// Every course of a deployment of these steps.
  private func courses(of steps: Set<Deployment.Step>) -> [Course] {
    var courses: [Course] = []
    func explore(
      _ progress: DeploymentProgress, _ action: DeploymentProgress.Action,
      _ performed: [Deployment.Step], _ fates: [Deployment.Step: Fate]
    ) {
      switch action {
      case .finish(let outcome):
        courses.append(Course(performed: performed, fates: fates, outcome: outcome))
      case .wait: Issue.record("nobody would go on after \(performed)")
      case .perform(let step):
        guard performed.count < 10 else {
          Issue.record("it does not end: \(performed)")
          return
        }
        for fate in Fate.allCases {
          var progress = progress
          let next = Self.let(fate, befall: &progress)
          explore(progress, next, performed + [step], fates.merging([step: fate]) { $1 })
        }
      }
    }
    var progress = DeploymentProgress(steps: steps)
    let first = progress.advance(.begun)
    explore(progress, first, [], [:])
    return courses
  }

  private static func `let`(
    _ fate: Fate, befall progress: inout DeploymentProgress
  ) -> DeploymentProgress.Action {
    switch fate {
    case .succeeds: return progress.advance(.succeeded)
    case .fails: return progress.advance(.failed(.init(.failed, status: 3, "x")))
    case .timesOut: return progress.advance(.failed(.init(.timedOut, status: 124, "x")))
    case .isImpossible: return progress.advance(.failed(.init(.impossible, status: 125, "x")))
    case .isNotBegun: return progress.advance(.notBegun(.init(.impossible, status: 125, "x")))
    case .isCancelledAndFails:
      #expect(progress.advance(.cancelled(signal: 15)) == .wait)
      return progress.advance(.failed(.init(.failed, status: 143, "x")))
    case .isCancelledAndSucceeds:
      #expect(progress.advance(.cancelled(signal: 15)) == .wait)
      return progress.advance(.succeeded)
    }
  }

  private static let stepSets: [Set<Deployment.Step>] = [
    Set(Deployment.Step.allCases), Set(Deployment.Step.allCases).subtracting([.abandon]),
    Set(Deployment.Step.allCases).subtracting([.restore]),
    Set(Deployment.Step.allCases).subtracting([.boot, .ready]), [.hook, .current],
    [.boot, .hook, .current, .abandon], [.activate, .current, .retire, .abandon], [.current],
  ]

  @Test(arguments: stepSets) func onlyWhatIsLiveIsASuccess(steps: Set<Deployment.Step>) {
    for course in courses(of: steps) {
      let isLive = course.hasSucceeded(.current)
      #expect((course.outcome.state == .success) == isLive, "\(course)")
      #expect((course.outcome.status == 0) == isLive, "\(course)")
      #expect((course.outcome.message == nil) == isLive, "\(course)")
    }
  }

  @Test(arguments: stepSets) func whatWasStartedAndIsNotLiveIsAbandoned(
    steps: Set<Deployment.Step>
  ) {
    for course in courses(of: steps) {
      let isOwed =
        course.performed.contains(.boot) && course.fates[.boot] != .isNotBegun
        && !course.hasSucceeded(.current)
        && steps.contains(.abandon)
      // What may have the requests still is not ended.
      let mayHaveRequests = course.performed.contains(.restore) && !course.hasSucceeded(.restore)
      #expect(course.performed.contains(.abandon) == (isOwed && !mayHaveRequests), "\(course)")
    }
  }

  @Test(arguments: stepSets) func requestsGoBackToWhatIsLive(steps: Set<Deployment.Step>) {
    for course in courses(of: steps) {
      let isOwed =
        course.performed.contains(.activate) && course.fates[.activate] != .isNotBegun
        && !course.hasSucceeded(.current) && steps.contains(.restore)
      #expect(course.performed.contains(.restore) == isOwed, "\(course)")
    }
  }

  @Test(arguments: stepSets) func stepsComeInTheirOrderAndOnce(steps: Set<Deployment.Step>) {
    let order = Deployment.Step.allCases
    for course in courses(of: steps) {
      let places = course.performed.map { order.firstIndex(of: $0) ?? -1 }
      #expect(places == places.sorted() && Set(places).count == places.count, "\(course)")
      #expect(Set(course.performed).isSubset(of: steps), "\(course)")
      if course.outcome.state == .success {
        #expect(Set(course.performed) == steps.subtracting([.restore, .abandon]), "\(course)")
      }
    }
  }

  @Test(arguments: stepSets) func nothingIsBegunAfterAFailureOrASignal(
    steps: Set<Deployment.Step>
  ) {
    for course in courses(of: steps) {
      let fatal = course.performed.firstIndex { step in
        switch course.fates[step] {
        case .succeeds, nil: false
        // Once the new version gets the requests there is no way back.
        case .isCancelledAndSucceeds: ![.activate, .current, .retire].contains(step)
        default: step != .retire
        }
      }
      guard let fatal else { continue }
      #expect(
        course.performed[(fatal + 1)...].allSatisfy { $0 == .restore || $0 == .abandon },
        "\(course)")
    }
  }

  @Test func stateSaysWhichStepHasFailed() {
    let expected: [(Deployment.Step, Fate, Deployment.State, Int32)] = [
      (.release, .fails, .hook, 3), (.boot, .fails, .crashed, 3),
      (.boot, .timesOut, .timeout, 124), (.ready, .timesOut, .timeout, 124),
      (.hook, .fails, .hook, 3), (.hook, .isImpossible, .aborted, 125),
      (.activate, .fails, .activate, 3), (.current, .isImpossible, .aborted, 125),
      (.hook, .isCancelledAndFails, .aborted, 143), (.boot, .isCancelledAndSucceeds, .aborted, 143),
    ]
    let courses = courses(of: Set(Deployment.Step.allCases))
    for (step, fate, state, status) in expected {
      let found = courses.filter { course in
        course.fates[step] == fate
          && course.performed.prefix { $0 != step }.allSatisfy { course.fates[$0] == .succeeds }
      }
      #expect(!found.isEmpty)
      for course in found {
        #expect(course.outcome.state == state && course.outcome.status == status, "\(course)")
      }
    }
  }

  @Test func whatFailsAfterTheSwitchIsAWarning() {
    for course in courses(of: Set(Deployment.Step.allCases)) {
      let hasFailed = [Deployment.Step.retire, .restore, .abandon].contains { step in
        course.performed.contains(step) && !course.hasSucceeded(step)
      }
      #expect(course.outcome.warnings.isEmpty != hasFailed, "\(course)")
    }
  }
}
