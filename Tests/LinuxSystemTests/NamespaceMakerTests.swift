import Glibc
import SystemPackage
import Testing

@testable import LinuxSystem

extension Launches {
  @Suite struct NamespaceMakerTests {
    @Test func severalCanBeInTheMakingAtOnce() throws {
      let makers = try (0..<4).map { _ in try NetworkNamespaceMaker() }
      var identities: Set<String> = []
      for maker in makers {
        let status = try maker.finish().status()
        identities.insert(status.identity)
      }
      #expect(identities.count == makers.count)
    }

    @Test func failureNamesTheCallThatFailed() throws {
      // Room for the two pipes of the process that makes the namespace, and not for its socket.
      let last = (0..<4).map { _ in fcntl(0, F_DUPFD_CLOEXEC, 0) }
      for number in last { close(number) }
      try withOpenFileLimit(rlim_t(try #require(last.max())) + 1) {
        let maker = try NetworkNamespaceMaker()
        let error = #expect(throws: SystemError.self) { _ = try maker.finish() }
        #expect(error?.call == "socket(2)")
        #expect(error?.errno == .tooManyOpenFiles)
      }
    }

    private func withOpenFileLimit(_ soft: rlim_t, _ body: () throws -> Void) throws {
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var before = rlimit()
      // Safe: one structure of ours is filled, or read.
      #expect(unsafe getrlimit(resource, &before) == 0)
      var lowered = rlimit(rlim_cur: soft, rlim_max: before.rlim_max)
      #expect(unsafe setrlimit(resource, &lowered) == 0)
      defer { _ = unsafe setrlimit(resource, &before) }
      try body()
    }
  }
}
