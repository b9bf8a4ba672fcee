import CFuzzer
import Glibc

/// The program of `make fuzz`: libFuzzer around the target that FUZZ_TARGET names.
@main enum Fuzzer {
  static let target: FuzzTarget = {
    // Safe: nothing changes the environment.
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) }
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
      fatalError("FUZZ_TARGET is not one of \(names)")
    }
    return target
  }()

  static func main() {
    var count = CommandLine.argc
    var arguments = unsafe CommandLine.unsafeArgv
    // Safe: main's own arguments, which libFuzzer may change; it does not keep them.
    let status = unsafe withUnsafeMutablePointer(to: &arguments) { arguments in
      unsafe arguments.withMemoryRebound(
        to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
      ) {
        unsafe LLVMFuzzerRunDriver(&count, $0) { bytes, count in
          unsafe Fuzzer.check(UnsafeBufferPointer(start: bytes, count: count))
          return 0
        }
      }
    }
    exit(status)
  }

  /// Traps when something does not hold: that is a crash to libFuzzer.
  private static func check(_ bytes: UnsafeBufferPointer<UInt8>) {
    do {
      try unsafe target.check(Array(bytes))
    } catch {
      fatalError("\(target.name): \(error)")
    }
  }
}
