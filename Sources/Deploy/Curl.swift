import ContainerSpec

/// The program curl, by which others are asked and told: oneoff resolves no names, and knows no
/// certificates. See curl(1).
enum Curl {
  /// Everything that it is to know is in its input: arguments can be seen by everybody. Its first
  /// one keeps it from ~/.curlrc.
  static let command: ByteString = "exec curl --disable --config -"

  /// The input for options with values, and for switches. It is silent but for errors, and takes
  /// braces and brackets in a URL as they are.
  static func input(_ values: [(name: String, value: String)], _ switches: [String] = []) -> [UInt8]
  {
    let lines =
      values.map { "\($0.name) = \(quoted($0.value))" }
      + ["globoff", "silent", "show-error", "proto = \"=http,https\""] + switches
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", "\"": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
