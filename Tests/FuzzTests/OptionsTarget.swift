import ContainerSpec
import Deploy
import FoundationEssentials
import Glibc
import SystemPackage

@testable import LinuxSystem
@testable import OneOff
@testable import oneoff

extension FuzzTarget {
  /// A command line, an argument a line: the verb, its options and its operands.
  static let options = FuzzTarget(name: "options") { bytes in
    var given = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    if given.last == [] { given.removeLast() }
    guard !given.isEmpty, !bytes.contains(0) else { return }
    let verb = Verb.named(String(decoding: given[0], as: UTF8.self)) ?? RunVerb.verb
    let parser = OptionParser(options: verb.options, verb: verb)
    try checkScanner(given, parser)
    try checkCompletions(given, parser)
    let vector = ArgumentVector(copying: given)
    do {
      let (options, operands) = try parser.parse(vector, after: 0)
      try checkSpec(options, operands)
    } catch let error as SpecError {
      try hold(error.remedy != nil, "an error says what to do")
      // What the corpus and the dictionary have as the value of a secret.
      let mark = "s3cr3t"
      let isVisible = vector.bytes.contains { String(decoding: $0, as: UTF8.self).contains(mark) }
      try hold(isVisible || !error.description.contains(mark), "an error shows no secret")
    }
  }

  /// Nothing is lost on the way from arguments to options and operands, and secrets are wiped.
  private static func checkScanner(_ given: [[UInt8]], _ parser: OptionParser) throws {
    let vector = ArgumentVector(copying: given)
    let patterns = parser.options.map(\.pattern)
    guard let scanned = try? vector.scan(after: 0, patterns: patterns) else { return }
    try hold(
      Array(given.dropFirst().suffix(scanned.operands.count)) == scanned.operands,
      "the operands are the last arguments, byte by byte")
    var printed: [[UInt8]] = [given[0]]
    for option in scanned.options {
      let pattern = patterns[option.index]
      try hold(pattern.takesValue == (option.value != nil), "a value where one is taken")
      let value = option.value.map { [UInt8(ascii: "=")] + $0 } ?? []
      printed.append(Array("--\(pattern.name)".utf8) + value)
    }
    printed += [Array("--".utf8)] + scanned.operands
    let again = ArgumentVector(copying: printed)
    try hold(try again.scan(after: 0, patterns: patterns) == scanned, "print and read again")
    // As printed, a secret has the same place in every case: behind `--env=NAME=`.
    for (index, option) in scanned.options.enumerated() {
      let (before, after) = (printed[index + 1], again[index + 1])
      let name = before.prefix { $0 != UInt8(ascii: "=") }.count + 1
      let equals = before.dropFirst(name).firstIndex(of: UInt8(ascii: "="))
      let visible = patterns[option.index].isSecret ? equals.map { before[...$0] } : nil
      try hold(after == Array(visible ?? before[...]), "a secret is wiped, and nothing else")
    }
    // As given, it may also be an argument of its own, or follow `-e` at once.
    let changed = given.indices.filter { vector[$0] != given[$0] }
    for index in changed {
      try hold(
        given[index].starts(with: vector[index]) && vector[index].last == UInt8(ascii: "="),
        "an argument ends with '=' where a secret was")
    }
    let secrets = scanned.options.filter { option in
      guard patterns[option.index].isSecret, let value = option.value else { return false }
      return value.drop { $0 != UInt8(ascii: "=") }.count > 1
    }
    try hold(changed.count == secrets.count, "every secret is wiped")
  }

  /// What a shell offers as the value of an option that is given is taken by it.
  private static func checkCompletions(_ given: [[UInt8]], _ parser: OptionParser) throws {
    let vector = ArgumentVector(copying: given)
    guard let scanned = try? vector.scan(after: 0, patterns: parser.options.map(\.pattern)) else {
      return
    }
    for index in Set(scanned.options.map(\.index)) {
      let option = parser.options[index]
      guard case .words(let words)? = option.value?.completion() else { continue }
      for word in words {
        var options = Options()
        try option.apply(&options, try ByteString(word))
      }
    }
  }

  /// Options that were taken make a specification that is checked, and travels as JSON.
  private static func checkSpec(_ options: Options, _ operands: [ByteString]) throws {
    let record = options.record
    try hold(
      ((try? record.isWantedByDefault()) == nil) == (record.isWanted && record.isUnwanted),
      "a record is wanted or not")
    try checkPrinted(options.run)
    try checkSinks(options.run.sinks)
    var spec = RunSpec(layers: ["/"], command: operands)
    options.run.apply(to: &spec)
    if options.run.passesInput { spec.standardInput = .caller }
    if options.run.hasTerminal { spec.terminal = TerminalSize() }
    for case .given(let variable) in options.run.variables { spec.environment.set([variable]) }
    if let hook = try? options.hook.hook() {
      spec.app = AppDirectory(source: hook.appDirectory, mountPoint: hook.mountPoint)
    }
    try checkSecrets(of: spec)
    try spec.validate()
    let names = spec.environment.map(\.name)
    try hold(Set(names).count == names.count, "a variable is there once")
    let json = try JSONEncoder().encode(spec)
    try hold(try JSONDecoder().decode(RunSpec.self, from: json) == spec, "the same as JSON")
    let places = Set(spec.exports.map { $0.destination.lexicallyNormalized() })
    try hold(places.count == spec.exports.count, "no export comes over another")
    for export in spec.exports {
      try hold(export.source.isAbsolute && export.source.isLexicallyNormal, "a place inside")
    }
  }

  /// What has a notation is printed in it, and read again.
  private static func checkPrinted(_ options: RunOptions) throws {
    if let grace = options.grace {
      let text = try ByteString(grace.shortText)
      try hold(try Duration(parsing: text) == grace, "a time is printed and read again")
    }
    if let scratch = options.scratch {
      let text = try ByteString(scratch.description)
      try hold(try Scratch(parsing: text) == scratch, "a scratch is printed and read again")
    }
    if let share = options.limits.processors {
      let text = try ByteString(share.description)
      try hold(try ProcessorShare(parsing: text) == share, "a share is printed and read again")
    }
    if let set = options.limits.processorSet {
      let text = try ByteString(set.description)
      try hold(try ProcessorSet(parsing: text) == set, "a list is printed and read again")
    }
  }

  /// Sinks travel as JSON, and the kernel gets addresses that are whole.
  private static func checkSinks(_ sinks: SinkConfiguration) throws {
    let json = try JSONEncoder().encode(sinks)
    try hold(try JSONDecoder().decode(SinkConfiguration.self, from: json) == sinks, "sinks as JSON")
    for target in sinks.syslog {
      let address =
        switch target.peer {
        case .udp(let address), .tcp(let address), .unix(let address), .journal(let address):
          address
        }
      // Safe: every address begins with its family, and is not kept.
      let (family, length) = unsafe address.withPointer { unsafe (CInt($0.pointee.sa_family), $1) }
      let range: ClosedRange<Int>? =
        switch family {
        case AF_INET: 16...16
        case AF_INET6: 28...28
        case AF_UNIX: 4...110  // a path of a byte to 107, with its end
        default: nil
        }
      try hold(range?.contains(Int(length)) == true, "an address is as long as its family has it")
    }
  }

  /// What is masked by itself is the value of a variable, or something in it.
  private static func checkSecrets(of spec: RunSpec) throws {
    var spec = spec
    spec.masking = .auto
    for secret in spec.maskedSecrets {
      let values = spec.environment.filter { $0.name == secret.name }.map(\.value.bytes)
      let isThere = values.contains { value in
        value.contains(UInt8(ascii: "%"))
          || value.indices.contains { value[$0...].starts(with: secret.value) }
      }
      try hold(isThere, "a secret is a part of its variable")
    }
  }
}

extension ArgumentVector {
  /// The arguments as they are now.
  fileprivate var bytes: [[UInt8]] { (0..<count).map { self[$0] } }
}
