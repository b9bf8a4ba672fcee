import Foundation
import Glibc
import SystemPackage
import Testing

extension IntegrationTests {
  /// What those get who are attached to a run.
  @Suite struct AttachTests {
    @Test func everyoneWhoIsAttachedGetsTheRestAndTheStatus() throws {
      let script =
        "while [ ! -e /v/go ]; do echo wait; sleep 0.01; done; "
        + "probe lines 2000; echo bad >&2; exit 7"
      let volume = try Workspace.current.make("files/v")
      try Control.detach("a", ["-v", "\(volume):/v"], script)
      let outputs = try (0..<4).map { _ in
        (try FileDescriptor.unnamedFile(), try FileDescriptor.unnamedFile())
      }
      defer { for (out, err) in outputs { try? out.close(); try? err.close() } }
      let readers = try outputs.map { out, err in
        try start(["attach", "a"], stdout: out, stderr: err)
      }
      // Who has got something is attached.
      try waitUntil { try outputs.allSatisfy { out, _ in try !out.contents().isEmpty } }
      // Who leaves takes nothing with him.
      readers[3].send(SIGINT)
      #expect(try readers[3].wait() == .signal(SIGINT))
      try Workspace.current.write("v/go", "")
      for reader in readers[..<3] { #expect(try reader.wait() == .code(7)) }
      for (out, err) in outputs[..<3] {
        let lines = String(decoding: try out.contents(), as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0 != "wait" } == 2000)
        #expect(String(decoding: try err.contents(), as: UTF8.self) == "bad\n")
      }
      #expect(try perform(["attach", "a"]).status == 125)
    }

    @Test func whoReadsTooSlowlyIsSentAwayAndNobodyWaits() throws {
      let volume = try Workspace.current.make("files/v")
      let script = "while [ ! -e /v/go ]; do sleep 0.01; done; head -c 30000000 /dev/zero; exit 5"
      try Control.detach("a", ["-v", "\(volume):/v"], script)
      let slow = try Control.connect("a")
      defer { try? slow.close() }
      try slow.writeAll(Array("{\"v\":1,\"do\":\"attach\"}\n".utf8))
      #expect(try slow.readLine().contains(#""ok":true"#))
      try Workspace.current.write("v/go", "")
      #expect(try perform(["wait", "a"]).status == 5)
      let result = try Records.object("a", "result.json")["log"] as? [String: Any]
      #expect(result?["stdout_bytes"] as? Int == 30_000_000)
      var rest: [UInt8] = []
      try slow.forEachChunk { rest += $0 }
      #expect(rest.count < 10_000_000)
      #expect(String(decoding: rest.suffix(200), as: UTF8.self).contains("was not read as fast"))
    }
  }
}
