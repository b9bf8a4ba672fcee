import ContainerSpec
import LinuxSystem
import Testing

@testable import OneOff

@Suite struct ScratchUseTests {
  private static let size = ByteCount.mebibytes(256)

  private func use(_ scratch: Scratch?, left bytes: UInt64, files: UInt64 = 100) -> ScratchUse {
    ScratchUse(
      scratch: scratch,
      room: FileSystemRoom(bytes: bytes, files: files, allBytes: Self.size.bytes))
  }

  @Test func inMemoryTheLastPageCounts() {
    #expect(!use(.tmpfs(Self.size), left: 4096).isFull)
    #expect(use(.tmpfs(Self.size), left: 0).isFull)
    #expect(use(.tmpfs(Self.size), left: 1 << 20, files: 0).isFull)
  }

  @Test func onDiskAPieceOfAWriteCounts() {
    #expect(!use(.disk(Self.size), left: 2 << 20).isFull)
    #expect(use(.disk(Self.size), left: 2 << 20 - 1).isFull)
    #expect(use(.disk(Self.size), left: 100 << 20, files: 0).isFull)
  }

  @Test func aDirectoryOfTheHostIsNeverTheRunsToFill() {
    #expect(!use(nil, left: 0, files: 0).isFull)
  }

  @Test func onlyMuchOnDiskIsForgotten() {
    #expect(use(.disk(Self.size), left: 192 << 20).isWorthForgetting)
    #expect(!use(.disk(Self.size), left: 192 << 20 + 1).isWorthForgetting)
    #expect(!use(.tmpfs(Self.size), left: 0).isWorthForgetting)
    #expect(!use(nil, left: 0).isWorthForgetting)
  }
}
