import ContainerSpec
import Testing

@Suite struct RunIDTests {
  @Test(arguments: ["a", "A-1_b.c", String(repeating: "x", count: 64)])
  func acceptsSafeNames(text: String) throws {
    #expect(try RunID(text).text == text)
  }

  @Test(arguments: ["", ".", "..", "a..b", "a/b", "-a", "é", String(repeating: "x", count: 65)])
  func refusesNamesThatAreUnsafeAsFileNames(text: String) {
    #expect(throws: SpecError.self) { try RunID(text) }
  }
}
