import CGetopt
internal import CLaunch
import Glibc

/// An array of C strings as main() gets one: the program's own arguments, or a copy.
///
/// A class, because whoever reads a secret from the program's arguments also overwrites it there.
@safe public final class ArgumentVector {
  fileprivate let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let isCopy: Bool
  /// How many arguments there are, the program's name included.
  public let count: Int

  /// The arguments that the program was called with, in place.
  public init() {
    // Safe: these are main's own, which live as long as the process. CommandLine has a copy, in
    // which nothing that is overwritten disappears from /proc/PID/cmdline.
    unsafe pointers = ol_argument_vector()
    count = Int(ol_argument_count())
    isCopy = false
  }

  /// A copy of `arguments`, none of which contains NUL.
  public init(copying arguments: [[UInt8]]) {
    // Safe: every element is initialised, and deinit frees what is allocated here.
    unsafe pointers = .allocate(capacity: arguments.count + 1)
    for (index, argument) in arguments.enumerated() {
      // Safe: strdup(3) reads up to the NUL that is appended here.
      unsafe (pointers + index).initialize(
        to: strdup(argument.map { CChar(bitPattern: $0) } + [0]))
    }
    // Safe: there is room for one more than there are arguments.
    unsafe (pointers + arguments.count).initialize(to: nil)
    count = arguments.count
    isCopy = true
  }

  deinit {
    guard isCopy else { return }
    for index in 0..<count {
      // Safe: allocated by strdup(3) in init(copying:), freed once.
      unsafe free(pointers[index])
    }
    // Safe: allocated in init(copying:), freed once.
    unsafe pointers.deallocate()
  }

  /// The bytes of an argument, without its NUL.
  public subscript(index: Int) -> [UInt8] {
    precondition(index >= 0 && index < count)
    // Safe: the index is below argc, and so the pointer is to a C string.
    return unsafe pointers[index].map { unsafe [UInt8](cString: $0) } ?? []
  }
}

/// What an option looks like on the command line.
public struct OptionPattern: Sendable, Hashable {
  /// The name after `--`.
  public var name: String
  /// The letter after `-`, an ASCII letter.
  public var letter: UInt8?
  /// Whether a value must follow.
  public var takesValue: Bool
  /// Whether the value is `NAME=VALUE` whose VALUE nobody else may see.
  public var isSecret: Bool

  /// Describes an option.
  public init(name: String, letter: UInt8? = nil, takesValue: Bool, isSecret: Bool = false) {
    self.name = name
    self.letter = letter
    self.takesValue = takesValue
    self.isSecret = isSecret
  }
}

/// Why arguments cannot be split into options and operands.
public enum OptionFault: Error, Sendable, Hashable {
  /// There is no such option; the bytes are as given, without `=VALUE`.
  case unknown([UInt8])
  /// The option at the index needs a value and there is none.
  case missingValue(Int)
  /// The option at the index takes no value and got one.
  case unexpectedValue(Int)
  /// The abbreviation could stand for several options.
  case ambiguous([UInt8], candidates: [String])
}

/// Arguments split into options and operands.
public struct ScannedArguments: Sendable, Hashable {
  /// An option that was given.
  public struct Option: Sendable, Hashable {
    /// The index of its pattern.
    public var index: Int
    /// Its value, byte by byte, when it takes one.
    public var value: [UInt8]?

    /// Names an option by the index of its pattern.
    public init(index: Int, value: [UInt8]?) {
      self.index = index
      self.value = value
    }
  }

  /// The options in the order in which they were given.
  public var options: [Option] = []
  /// What follows the options, byte by byte; a `--` before it is gone.
  public var operands: [[UInt8]] = []
}

extension ArgumentVector {
  /// Splits the arguments after the one at `start` into options and operands.
  ///
  /// The first argument that is not an option ends the options, so that those of a command that
  /// follows are its own; so does `--`. Long options may be abbreviated. The VALUE of a secret
  /// `NAME=VALUE` is overwritten with NUL as soon as it is read, because every user of the host can
  /// read /proc/PID/cmdline. Not for use by several threads at once. See getopt_long(3).
  ///
  /// - Throws: ``OptionFault`` for the first argument that does not fit.
  public func scan(
    after start: Int, patterns: [OptionPattern]
  ) throws(OptionFault) -> ScannedArguments {
    precondition(start >= 0 && start < count)
    let table = OptionTable(patterns)
    // Safe: argv + start is a NULL-terminated array of count - start C strings.
    let arguments = unsafe pointers + start
    var scanned = ScannedArguments()
    ol_getopt_restart()
    var next = 1
    while true {
      // Safe: the table outlives the call; both of its arrays end as getopt_long(3) wants them.
      let step = unsafe ol_getopt_next(
        Int32(count - start), arguments, table.letters, table.longOptions)
      next = unsafe Int(step.next)
      if unsafe step.code == -1 { break }
      guard let index = unsafe table.index(of: step.code) else {
        throw unsafe fault(step.code, option: step.option, at: start + next - 1, table: table)
      }
      var value: [UInt8]?
      // Safe: the value points to the C string in argv that follows the option.
      if patterns[index].takesValue, let text = unsafe step.value {
        value = unsafe [UInt8](cString: text)
        if patterns[index].isSecret { unsafe wipeValue(of: text) }
      }
      scanned.options.append(.init(index: index, value: value))
    }
    scanned.operands = (start + next..<count).map { self[$0] }
    return scanned
  }

  /// Why getopt_long(3) returned `code`, with what it says about the option at `position`.
  private func fault(
    _ code: Int32, option: Int32, at position: Int, table: OptionTable
  ) -> OptionFault {
    if let index = table.index(of: option) {
      return code == Int32(UInt8(ascii: ":")) ? .missingValue(index) : .unexpectedValue(index)
    }
    guard option == 0 else {
      return .unknown([UInt8(ascii: "-"), UInt8(truncatingIfNeeded: option)])
    }
    let given = Array(self[position].prefix { $0 != UInt8(ascii: "=") })
    let candidates = table.patterns.map(\.name)
      .filter { $0.utf8.starts(with: given.dropFirst(2)) }
    return candidates.count > 1 && given.count > 2
      ? .ambiguous(given, candidates: candidates) : .unknown(given)
  }

  /// Overwrites what follows the first `=` with NUL.
  @unsafe private func wipeValue(of text: UnsafeMutablePointer<CChar>) {
    // Safe: both functions stop at the NUL that ends the string.
    if let equals = unsafe strchr(text, Int32(UInt8(ascii: "="))) {
      unsafe explicit_bzero(equals + 1, strlen(equals + 1))
    }
  }
}

/// The patterns as getopt_long(3) takes them.
@safe private final class OptionTable {
  let patterns: [OptionPattern]
  let letters: UnsafeMutablePointer<CChar>
  let longOptions: UnsafeMutablePointer<option>
  /// Codes of long options start above those of letters.
  private static let base: Int32 = 256

  init(_ patterns: [OptionPattern]) {
    self.patterns = patterns
    // Safe: strdup(3) copies; an array one longer than the patterns ends with a zeroed element.
    unsafe longOptions = .allocate(capacity: patterns.count + 1)
    var shorthand = "+:"
    for (index, pattern) in patterns.enumerated() {
      unsafe (longOptions + index).initialize(
        to: option(
          name: strdup(pattern.name),
          has_arg: pattern.takesValue ? required_argument : no_argument,
          flag: nil, val: OptionTable.base + Int32(index)))
      if let letter = pattern.letter {
        shorthand.unicodeScalars.append(Unicode.Scalar(letter))
        shorthand += pattern.takesValue ? ":" : ""
      }
    }
    unsafe (longOptions + patterns.count).initialize(to: option())
    unsafe letters = strdup(shorthand)
  }

  deinit {
    for index in patterns.indices {
      // Safe: allocated by strdup(3) in init, freed once.
      unsafe free(UnsafeMutableRawPointer(mutating: longOptions[index].name))
    }
    // Safe: allocated in init, freed once.
    unsafe longOptions.deallocate()
    unsafe free(letters)
  }

  /// The index of the pattern that `code` stands for.
  func index(of code: Int32) -> Int? {
    if code >= OptionTable.base { return Int(code - OptionTable.base) }
    guard let letter = UInt8(exactly: code), letter != 0 else { return nil }
    return patterns.firstIndex { $0.letter == letter }
  }
}

/// What the program that called this one handed over, and takes back.
public enum Caller {
  /// The value of one of the caller's environment variables.
  public static func environmentValue(_ name: String) -> [UInt8]? {
    // Safe: getenv(3) returns NULL or a C string that nothing in this program changes.
    unsafe getenv(name).map { unsafe [UInt8](cString: $0) }
  }

  /// The caller's environment, with more variables, or others of the same names.
  public static func environment(with more: [(name: String, value: [UInt8])]) -> [[UInt8]] {
    let names = more.map { Array("\($0.name)=".utf8) }
    var entries: [[UInt8]] = []
    // Safe: the strings and the NULL at the end are the C library's, and nothing changes them.
    var next = unsafe environ
    while let entry = unsafe next.pointee {
      let bytes = unsafe [UInt8](cString: entry)
      if !names.contains(where: { bytes.starts(with: $0) }) { entries.append(bytes) }
      unsafe next = unsafe next.advanced(by: 1)
    }
    return entries + zip(names, more).map { $0 + $1.value }
  }

  /// Whether standard output is a terminal.
  public static var hasTerminal: Bool { isTerminal(STDOUT_FILENO) }

  /// The terminal at which the caller sits, as far as his standard streams tell.
  public static var terminal: CInt? {
    (STDIN_FILENO...STDERR_FILENO).first { isTerminal($0) }
  }

  /// Ends the program with a status, at once: nothing is buffered, and what the C++ runtime would
  /// tidy up goes with the process.
  public static func exit(_ status: Int32) -> Never { _exit(status) }
}

extension [UInt8] {
  /// The bytes of a C string without its NUL.
  @unsafe fileprivate init(cString: UnsafePointer<CChar>) {
    // Safe: strlen(3) bytes are there to be read.
    self = unsafe UnsafeRawBufferPointer(start: cString, count: strlen(cString)).map { $0 }
  }
}
