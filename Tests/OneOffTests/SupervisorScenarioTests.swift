import LinuxSystem
import Testing

@testable import OneOff

/// One run as it can happen: its events with what must be done about each.
struct Scenario: Sendable, CustomTestStringConvertible {
  var name: String
  var steps: [(SupervisorState.Event, [SupervisorState.Action])]

  init(_ name: String, _ steps: (SupervisorState.Event, [SupervisorState.Action])...) {
    self.name = name
    self.steps = steps
  }

  var testDescription: String { name }
}

@Suite struct SupervisorScenarioTests {
  static let scenarios: [Scenario] = [
    Scenario(
      "a command that succeeds",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.outputEnded(.stdout), []),
      (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.code(0)), .itself))])),
    Scenario(
      "what the command has left is looked at before the container has ended",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.record(.emptied), [.gather]),
      (.containerEnded, [.finish(.exited(Sample.exit(.code(0)), .itself))])),
    Scenario(
      "output comes before what the command has left",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.record(.emptied), []),
      (.outputEnded(.stdout), []),
      (.outputEnded(.stderr), [.gather]),
      (.containerEnded, [.finish(.exited(Sample.exit(.code(0)), .itself))])),
    Scenario(
      "output that ends after the container",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(3)))), []),
      (.containerEnded, [.startDrain]),
      (.outputEnded(.stderr), []),
      (.outputEnded(.stdout), [.gather, .finish(.exited(Sample.exit(.code(3)), .itself))])),
    Scenario(
      "a stream that somebody outside holds open",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.outputEnded(.stdout), []),
      (.containerEnded, [.startDrain]),
      (.drainExpired, [.gather, .finish(.exited(Sample.exit(.code(0)), .itself))]),
      (.outputEnded(.stderr), [])),
    Scenario(
      "a command that exits with 137 was not killed",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.code(137)))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.code(137)), .itself))])),
    Scenario(
      "a command that somebody else has killed",
      (.record(.started), [.announceStart]),
      (.record(.exited(Sample.exit(.signal(9)))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.signal(9)), .itself))])),
    Scenario(
      "a command's process that is killed before it was executed",
      (.record(.exited(Sample.exit(.signal(9), wasExecuted: false))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (
        .containerEnded,
        [.finish(.exited(Sample.exit(.signal(9), wasExecuted: false), .itself))]
      )),
    Scenario(
      "PID 1 is killed from outside",
      (.record(.started), [.announceStart]),
      (.containerEnded, [.startDrain]),
      (.outputEnded(.stdout), []),
      (.outputEnded(.stderr), [.gather, .finish(.lost(.itself, wasStarted: true))])),
    Scenario(
      "a command that ends in the grace time",
      (.record(.started), [.announceStart]),
      (.signal(15), [.forward(15), .startGrace]),
      (.record(.exited(Sample.exit(.signal(15)))), []),
      (.graceExpired, []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.signal(15)), .forwarded(15)))])),
    Scenario(
      "a command that goes on after the grace time",
      (.record(.started), [.announceStart]),
      (.signal(2), [.forward(2), .startGrace]),
      (.graceExpired, [.kill]),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.lost(.forwarded(2), wasStarted: true))])),
    Scenario(
      "a command that takes too long and ends when it is told to",
      (.record(.started), [.announceStart]),
      (.timeoutExpired, [.forward(15), .startGrace]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.silenceExpired, []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.code(0)), .timeout))])),
    Scenario(
      "a command that is silent, and does not end when it is told to",
      (.record(.started), [.announceStart]),
      (.silenceExpired, [.forward(15), .startGrace]),
      (.signal(2), [.forward(2)]),
      (.timeoutExpired, []),
      (.graceExpired, [.kill]),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.lost(.silence, wasStarted: true))])),
    Scenario(
      "the time is over while a command ends that was told to",
      (.record(.started), [.announceStart]),
      (.signal(15), [.forward(15), .startGrace]),
      (.timeoutExpired, []),
      (.record(.exited(Sample.exit(.signal(15)))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.signal(15)), .forwarded(15)))])),
    Scenario(
      "the time is over before the command is executed",
      (.timeoutExpired, [.forward(15), .startGrace]),
      (.record(.exited(Sample.exit(.signal(15), wasExecuted: false))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (
        .containerEnded,
        [.finish(.exited(Sample.exit(.signal(15), wasExecuted: false), .timeout))]
      )),
    Scenario(
      "SIGUSR1 is forwarded and asks for no end",
      (.record(.started), [.announceStart]),
      (.signal(10), [.forward(10)]),
      (.record(.exited(Sample.exit(.code(0)))), []),
      (.signal(10), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.gather, .finish(.exited(Sample.exit(.code(0)), .itself))])),
    Scenario(
      "an operation that fails in the command's process",
      (.record(.failed(Sample.failure)), []),
      (.record(.exited(Sample.exit(.code(125), wasExecuted: false))), []),
      (.outputEnded(.stdout), []), (.outputEnded(.stderr), []),
      (.containerEnded, [.finish(.failed(Sample.failure))])),
    Scenario(
      "a second failure comes of the first",
      (.record(.failed(Sample.failure)), []),
      (.record(.failed(Sample.laterFailure)), []),
      (.containerEnded, [.startDrain]),
      (.drainExpired, [.finish(.failed(Sample.failure))])),
  ]

  @Test func signalsAfterTheEndOfTheCommandAreNotForgotten() {
    var state = SupervisorState()
    for event: SupervisorState.Event in [
      .record(.started), .record(.exited(Sample.exit(.code(0)))), .outputEnded(.stdout),
      .outputEnded(.stderr), .record(.emptied), .signal(10),
    ] {
      _ = state.handle(event)
    }
    #expect(!state.wasToldToEnd)
    #expect(state.handle(.signal(15)) == [])
    #expect(state.wasToldToEnd)
    #expect(
      state.handle(.containerEnded) == [.finish(.exited(Sample.exit(.code(0)), .itself))])
  }

  @Test(arguments: scenarios) func handles(_ scenario: Scenario) {
    var state = SupervisorState()
    for (index, (event, actions)) in scenario.steps.enumerated() {
      #expect(state.handle(event) == actions, "step \(index + 1), \(event)")
    }
  }
}
