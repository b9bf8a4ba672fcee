import ContainerSpec
import Testing

@testable import OneOff

@Suite struct DeadlinesTests {
  @Test func withoutLimitsThereIsNothingToWaitFor() {
    var deadlines = Deadlines(timeout: nil, silence: nil, now: .seconds(7))
    #expect(deadlines.next == nil)
    #expect(!deadlines.wantsOutput)
    #expect(deadlines.expired(at: .seconds(1 << 30)) == [])
  }

  @Test func theTimeIsOverOnceAndNotBefore() {
    var deadlines = Deadlines(timeout: .seconds(20), silence: nil, now: .seconds(100))
    #expect(deadlines.next == .seconds(120))
    #expect(deadlines.expired(at: .milliseconds(119_999)) == [])
    #expect(deadlines.expired(at: .seconds(120)) == [.timeoutExpired])
    #expect(deadlines.next == nil)
    #expect(deadlines.expired(at: .seconds(121)) == [])
  }

  /// Writing sets no timer: when it goes off, the time of the last output decides.
  @Test func silenceCountsFromTheLastOutput() {
    var deadlines = Deadlines(timeout: nil, silence: .seconds(5), now: .seconds(100))
    #expect(deadlines.wantsOutput)
    deadlines.noteOutput(at: .seconds(101))
    deadlines.noteOutput(at: .seconds(103))
    #expect(deadlines.next == .seconds(105))
    #expect(deadlines.expired(at: .seconds(105)) == [])
    #expect(deadlines.next == .seconds(108))
    #expect(deadlines.expired(at: .seconds(108)) == [.silenceExpired])
    #expect(deadlines.next == nil)
  }

  @Test func theNextOneIsTheFirst() {
    var deadlines = Deadlines(timeout: .seconds(20), silence: .seconds(5), now: .zero)
    #expect(deadlines.next == .seconds(5))
    deadlines.noteOutput(at: .seconds(19))
    #expect(deadlines.expired(at: .seconds(5)) == [])
    #expect(deadlines.next == .seconds(20))
    #expect(deadlines.expired(at: .seconds(30)) == [.timeoutExpired, .silenceExpired])
  }

  @Test func inTheGraceTimeTheOthersHaveNoMoreToSay() {
    var deadlines = Deadlines(timeout: .seconds(20), silence: .seconds(5), now: .zero)
    deadlines.startGrace(.seconds(30), now: .seconds(5))
    #expect(deadlines.next == .seconds(35))
    #expect(!deadlines.wantsOutput)
    #expect(deadlines.expired(at: .seconds(35)) == [.graceExpired])
  }

  @Test func aRunIsLookedAtEverySecondAndTheTimerIsOne() {
    var deadlines = Deadlines(timeout: .seconds(20), silence: nil, now: .seconds(100))
    var times: [Int] = []
    func look(_ deadlines: inout Deadlines, at milliseconds: Int) {
      if deadlines.takeSample(at: .milliseconds(milliseconds)) { times.append(milliseconds) }
    }
    look(&deadlines, at: 200_000)
    deadlines.startSampling(now: .seconds(100))
    #expect(deadlines.next == .seconds(101))
    for time in [100_999, 101_010, 101_020] { look(&deadlines, at: time) }
    // In step with the clock, however late the timer is.
    #expect(deadlines.next == .seconds(102))
    // A second that has passed unnoticed is not made up for.
    look(&deadlines, at: 107_500)
    #expect(deadlines.next == .milliseconds(108_500))
    #expect(deadlines.expired(at: .seconds(120)) == [.timeoutExpired])
    deadlines.startGrace(.seconds(30), now: .seconds(120))
    look(&deadlines, at: 120_000)
    deadlines.startDrain(.seconds(1), now: .seconds(120))
    look(&deadlines, at: 130_000)
    #expect(deadlines.next == .seconds(121))
    #expect(times == [101_010, 107_500, 120_000])
  }

  @Test func aHeartbeatComesAfterEachTimeOfSilence() {
    var deadlines = Deadlines(timeout: nil, silence: nil, heartbeat: .seconds(60), now: .seconds(7))
    #expect(deadlines.wantsOutput)
    #expect(deadlines.next == .seconds(67))
    #expect(deadlines.takeHeartbeat(at: .seconds(66)) == nil)
    #expect(deadlines.takeHeartbeat(at: .seconds(67)) == .seconds(60))
    // Once, and again after as long.
    #expect(deadlines.takeHeartbeat(at: .seconds(67)) == nil)
    #expect(deadlines.next == .seconds(127))
    // Who was late does not catch up.
    #expect(deadlines.takeHeartbeat(at: .seconds(400)) == .seconds(393))
    #expect(deadlines.next == .seconds(460))
  }

  @Test func outputPutsTheHeartbeatOff() {
    var deadlines = Deadlines(timeout: nil, silence: nil, heartbeat: .seconds(60), now: .zero)
    deadlines.noteOutput(at: .seconds(50))
    // Writing sets no timer.
    #expect(deadlines.next == .seconds(60))
    #expect(deadlines.takeHeartbeat(at: .seconds(60)) == nil)
    #expect(deadlines.next == .seconds(110))
    // What is thrown away is output, but nobody sees it.
    deadlines.noteOutput(at: .seconds(100), isShown: false)
    #expect(deadlines.takeHeartbeat(at: .seconds(110)) == .seconds(110))
  }

  @Test func aHeartbeatIsNoOutput() {
    var deadlines = Deadlines(
      timeout: nil, silence: .seconds(90), heartbeat: .seconds(60), now: .zero)
    #expect(deadlines.expired(at: .seconds(60)) == [])
    #expect(deadlines.takeHeartbeat(at: .seconds(60)) == .seconds(60))
    #expect(deadlines.next == .seconds(90))
    #expect(deadlines.expired(at: .seconds(90)) == [.silenceExpired])
  }

  @Test func aCommandThatIsToldToEndStillRunsUntilItHasEnded() {
    var deadlines = Deadlines(timeout: nil, silence: nil, heartbeat: .seconds(60), now: .zero)
    deadlines.startGrace(.seconds(600), now: .seconds(1))
    #expect(deadlines.next == .seconds(60))
    #expect(deadlines.takeHeartbeat(at: .seconds(60)) == .seconds(60))
    deadlines.startDrain(.seconds(1), now: .seconds(61))
    #expect(deadlines.next == .seconds(62))
    #expect(deadlines.takeHeartbeat(at: .seconds(200)) == nil)
  }

  @Test func whenTheContainerHasEndedOnlyItsStreamsAreWaitedFor() {
    var deadlines = Deadlines(timeout: .seconds(20), silence: .seconds(5), now: .zero)
    deadlines.startGrace(.seconds(30), now: .zero)
    deadlines.startDrain(.seconds(1), now: .seconds(3))
    #expect(deadlines.next == .seconds(4))
    #expect(deadlines.expired(at: .seconds(100)) == [.drainExpired])
    #expect(deadlines.next == nil)
  }
}

@Suite struct LogAllowanceTests {
  @Test func passesEverythingOnWithoutAMaximum() {
    var allowance = LogAllowance(nil)
    #expect(allowance.take([1, 2, 3]) == [1, 2, 3])
    #expect(allowance.dropped == 0)
  }

  @Test func passesOnAsMuchAsItMayAndCountsTheRest() {
    var allowance = LogAllowance(.init(bytes: 5))
    #expect(allowance.take([1, 2, 3]) == [1, 2, 3])
    #expect(allowance.take([4, 5]) == [4, 5])
    #expect(allowance.dropped == 0)
    #expect(allowance.take([6, 7]) == [])
    #expect(allowance.take([8]) == [])
    #expect(allowance.dropped == 3)
  }

  @Test func cutsWhatLiesAcrossTheMaximum() {
    var allowance = LogAllowance(.init(bytes: 2))
    #expect(allowance.take([1, 2, 3]) == [1, 2])
    #expect(allowance.dropped == 1)
  }
}
