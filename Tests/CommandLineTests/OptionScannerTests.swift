import LinuxSystem
import Testing

/// getopt_long(3) keeps its state in global variables, and so these tests run one after the other.
@Suite(.serialized) enum CommandLineTests {}

extension CommandLineTests {
  @Suite struct OptionScannerTests {
    static let patterns = [
      OptionPattern(name: "env", letter: UInt8(ascii: "e"), takesValue: true, isSecret: true),
      OptionPattern(name: "env-file", takesValue: true),
      OptionPattern(name: "read-only", takesValue: false),
      OptionPattern(name: "help", letter: UInt8(ascii: "h"), takesValue: false),
    ]

    func scan(_ arguments: [String]) throws -> ScannedArguments {
      let vector = ArgumentVector(copying: (["oneoff", "run"] + arguments).map { Array($0.utf8) })
      return try vector.scan(after: 1, patterns: Self.patterns)
    }

    @Test(arguments: [
      ([], [], []),
      (["a", "-e", "b"], [], ["a", "-e", "b"]),
      (["-e", "A=1", "--", "-x"], ["0 A=1"], ["-x"]),
      (["-eA=1", "--env=B=2", "--env", "", "c"], ["0 A=1", "0 B=2", "0 "], ["c"]),
      (["--read", "--env-file", "-x", "--"], ["2", "1 -x"], []),
      (["--env-f=--", "-he", "v", "-", "-h"], ["1 --", "3", "0 v"], ["-", "-h"]),
      (["--env=é"], ["0 é"], []),
    ])
    func splitsOptionsFromOperands(
      arguments: [String], options: [String], operands: [String]
    ) throws {
      let scanned = try scan(arguments)
      let found = scanned.options.map { option in
        "\(option.index)" + (option.value.map { " " + String(decoding: $0, as: UTF8.self) } ?? "")
      }
      #expect(found == options)
      #expect(scanned.operands == operands.map { Array($0.utf8) })
    }

    @Test(
      arguments: [
        (["--nope=x", "a"], .unknown(Array("--nope".utf8))),
        (["-x"], .unknown(Array("-x".utf8))),
        (["-hx"], .unknown(Array("-x".utf8))),
        (["-h", "--nope"], .unknown(Array("--nope".utf8))),
        (["--env"], .missingValue(0)),
        (["-he"], .missingValue(0)),
        (["--read-only=yes"], .unexpectedValue(2)),
        (["--en", "x"], .ambiguous(Array("--en".utf8), candidates: ["env", "env-file"])),
      ] as [([String], OptionFault)])
    func saysWhatDoesNotFit(arguments: [String], fault: OptionFault) {
      #expect(throws: fault) { try scan(arguments) }
    }

    @Test func keepsBytesThatAreNotUTF8() throws {
      let vector = ArgumentVector(copying: [[0x61], Array("--env-file".utf8), [0xff], [0xfe, 1]])
      let scanned = try vector.scan(after: 0, patterns: Self.patterns)
      #expect(scanned.options.map(\.value) == [[0xff]])
      #expect(scanned.operands == [[0xfe, 1]])
    }

    @Test func wipesSecretsWhereEveryUserCouldReadThem() throws {
      let arguments = ["run", "--env=A=secret", "-eB=secret", "-e", "C=secret", "-e", "D", "E=x"]
      let vector = ArgumentVector(copying: arguments.map { Array($0.utf8) })
      let scanned = try vector.scan(after: 0, patterns: Self.patterns)
      #expect(scanned.options.first?.value == Array("A=secret".utf8))
      let left = (0..<vector.count).map { String(decoding: vector[$0], as: UTF8.self) }
      #expect(left == ["run", "--env=A=", "-eB=", "-e", "C=", "-e", "D", "E=x"])
    }
  }
}
