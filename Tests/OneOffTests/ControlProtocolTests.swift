import ContainerSpec
import Testing

@testable import OneOff

@Suite struct ControlProtocolTests {
  private func request(_ text: String) -> ControlRequest? {
    ControlRequest(parsing: Array(text.utf8)[...])
  }

  @Test func requestsAreUnderstoodOrNot() {
    #expect(request(#"{"v":1,"do":"signal","signal":15}"#) == .signal(15))
    #expect(request(#"{"v":1,"do":"attach"}"#)?.action == .attach)
    #expect(request(#"{"v":1,"do":"attach","later":true}"#)?.input == nil)
    #expect(request(#"{"v":1,"do":"attach","input":true}"#) == .attach(givingInput: true))
    for text in [
      "", "{", "[]", #"{"v":2,"do":"attach"}"#, #"{"v":1,"do":"dance"}"#, #"{"v":1,"do":"signal"}"#,
      #"{"v":1,"do":"signal","signal":0}"#, #"{"v":1,"do":"signal","signal":64}"#,
      #"{"v":1,"do":"signal","signal":-1}"#, #"{"v":1,"do":"signal","signal":99999999999}"#,
    ] { #expect(request(text) == nil, "\(text)") }
  }

  @Test func whatIsWrittenIsWhatTheDocumentationHas() {
    #expect(
      String(decoding: StoredJSON.text(ControlRequest.signal(9)), as: UTF8.self)
        == "{\"do\":\"signal\",\"signal\":9,\"v\":1}\n")
    #expect(
      String(decoding: StoredJSON.text(ControlAnswer.done), as: UTF8.self)
        == "{\"ok\":true,\"v\":1}\n")
    #expect(
      String(decoding: StoredJSON.text(ControlAnswer.attached(takingInput: true)), as: UTF8.self)
        == "{\"input\":true,\"ok\":true,\"v\":1}\n")
  }

  @Test func framesComeWholeHoweverTheyAreCut() {
    let long = [UInt8](repeating: 7, count: 70_000)
    let sent =
      ControlFrame.encoded(.stdout, [1, 2, 3]) + [99, 0, 0, 0, 2, 8, 8]
      + ControlFrame.encoded(.stderr, long[...]) + ControlFrame.encoded(.end)
    for size in [1, 2, 5, 7, 4096, sent.count] {
      var reader = ControlFrame.Reader(longest: long.count)
      var frames: [ControlFrame] = []
      for start in stride(from: 0, to: sent.count, by: size) {
        frames += reader.take(Array(sent[start..<min(start + size, sent.count)])) ?? []
      }
      #expect(
        frames == [
          ControlFrame(kind: .stdout, bytes: [1, 2, 3]), ControlFrame(kind: .stderr, bytes: long),
          ControlFrame(kind: .end, bytes: []),
        ])
    }
  }

  @Test func aFrameThatIsTooLongIsRefusedBeforeItHasCome() {
    var reader = ControlFrame.Reader(longest: 100)
    #expect(reader.take([1, 0, 0, 0, 100]) == [])
    var other = ControlFrame.Reader(longest: 100)
    #expect(other.take([1, 0, 0, 0, 101]) == nil)
    var huge = ControlFrame.Reader(longest: 100)
    #expect(huge.take([1, 255, 255, 255, 255]) == nil)
  }

  @Test func sizesOfTerminalsComeAsTheyWereOrNotAtAll() {
    var reader = ControlFrame.Reader(longest: 100)
    let size = TerminalSize(rows: 300, columns: 65_535)
    #expect(reader.take(ControlFrame.encoded(size))?.map(\.size) == [size])
    for bytes: [UInt8] in [[], [0, 24, 0], [0, 24, 0, 80, 0], [0, 0, 0, 80], [0, 24, 0, 0]] {
      #expect(ControlFrame(kind: .size, bytes: bytes).size == nil)
    }
    #expect(ControlFrame(kind: .input, bytes: [0, 24, 0, 80]).size == nil)
  }

  @Test func aQueueSendsEverythingInOrder() {
    var queue = SendQueue()
    var expected: [UInt8] = []
    var sent: [UInt8] = []
    for number in 0..<1000 {
      let piece = [UInt8](repeating: UInt8(number % 251), count: number % 7)
      queue.append(piece)
      expected += piece
      let some = queue.next.prefix(number % 5)
      sent += some
      queue.noteSent(some.count)
    }
    while !queue.isEmpty {
      sent += queue.next
      queue.noteSent(queue.next.count)
    }
    #expect(sent == expected)
  }

  @Test func aQueueThatIsGivenUpKeepsWhatWasBegun() {
    var queue = SendQueue()
    queue.append([1, 2, 3])
    queue.append([4])
    queue.giveUp()
    #expect(queue.isEmpty)
    queue.append([1, 2, 3])
    queue.append([4])
    queue.noteSent(1)
    queue.giveUp()
    queue.append([9])
    #expect(queue.count == 3)
    #expect(queue.next == [2, 3])
    queue.noteSent(2)
    #expect(queue.next == [9])
    queue.noteSent(1)
    #expect(queue.isEmpty)
    // Also where others were sent before it.
    for piece: [UInt8] in [[1], [2, 3], [4, 5, 6]] { queue.append(piece) }
    queue.noteSent(1)
    queue.noteSent(1)
    queue.giveUp()
    #expect(queue.count == 1)
    #expect(queue.next == [3])
    queue.noteSent(1)
    #expect(queue.isEmpty)
    #expect(queue.isFull(for: [UInt8](repeating: 0, count: SendQueue.limit + 1)))
    #expect(!queue.isFull(for: [UInt8](repeating: 0, count: SendQueue.limit)))
  }
}
