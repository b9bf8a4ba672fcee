import Foundation
import Testing

/// The JSON object that a program prints, or that a line of its output is.
func jsonObject(_ text: some Sequence<UInt8>) throws -> [String: Any] {
  let data = Data(Array(text))
  return try #require(
    try JSONSerialization.jsonObject(with: data) as? [String: Any],
    "\(String(decoding: data, as: UTF8.self))")
}

/// The JSON object that a file holds, such as that of `--result`.
func jsonObject(file: String) throws -> [String: Any] {
  try jsonObject(Data(contentsOf: URL(fileURLWithPath: file)))
}

/// Lines of JSON as values of a type that knows what a test asks for.
func decodedLines<Line: Decodable>(of text: String, as type: Line.Type) throws -> [Line] {
  try text.split(separator: "\n").map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
}

/// The lines of a file, such as that of `--events` or `--changes`.
func decodedLines<Line: Decodable>(ofFile file: String, as type: Line.Type) throws -> [Line] {
  try decodedLines(of: String(contentsOfFile: file, encoding: .utf8), as: type)
}

/// The result in the last of a run's events.
func decodedResult<Result: Decodable>(ofEvents text: String, as type: Result.Type) throws -> Result?
{
  try decodedLines(of: text, as: EventWithResult<Result>.self).last?.result
}

/// An event as far as its result is asked for.
private struct EventWithResult<Result: Decodable>: Decodable { var result: Result? }
