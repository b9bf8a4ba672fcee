import LinuxSystem
import Testing

@testable import OneOff

@Suite struct CommandInputTests {
  /// Reads what is there, of which there is something.
  private func read(_ input: CommandInput) throws -> [UInt8] {
    try readAvailable(input.source.number, atMost: 100_000, subject: "of the command's input")
  }

  @Test func whatIsNotTakenIsKeptAndTheEndComesAfterIt() throws {
    let input = try CommandInput()
    let loop = try EventLoop()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    input.write(bytes[..<10_000].map { $0 })
    #expect(input.isOpen && !input.isBusy)
    input.write(bytes[10_000...].map { $0 })
    #expect(input.isOpen && input.isBusy)
    input.end()
    #expect(!input.isOpen && input.isBusy)
    // Comes too late.
    input.write([1, 2, 3])
    try input.advance(in: loop, tag: 7)
    #expect(try loop.wait(atMost: .zero) == [])
    var arrived: [UInt8] = []
    while arrived.count < bytes.count {
      arrived += try read(input)
      if input.isBusy { #expect(try loop.wait(atMost: .seconds(1)) == [7]) }
      try input.advance(in: loop, tag: 7)
    }
    #expect(arrived == bytes)
    #expect(!input.isBusy)
    #expect(try read(input) == [])
    #expect(try loop.wait(atMost: .zero) == [])
  }

  @Test func withoutAnEndItStaysOpen() throws {
    let input = try CommandInput()
    let loop = try EventLoop()
    for number: UInt8 in 1...3 {
      input.write([number])
      try input.advance(in: loop, tag: 7)
      #expect(try read(input) == [number])
    }
    #expect(input.isOpen && !input.isBusy)
    input.end()
    try input.advance(in: loop, tag: 7)
    #expect(try read(input) == [])
  }
}
