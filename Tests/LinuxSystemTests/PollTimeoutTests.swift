import Testing

@testable import LinuxSystem

@Suite struct PollTimeoutTests {
  @Test(arguments: [
    (Duration.zero, 0), (.seconds(-1), 0), (.nanoseconds(1), 1), (.milliseconds(1), 1),
    (.microseconds(1001), 2), (.seconds(10), 10_000), (.seconds(1 << 40), 2_147_483_647),
  ])
  func isRoundedUp(time: Duration, milliseconds: Int) {
    #expect(Int(time.pollTimeout) == milliseconds)
  }
}
