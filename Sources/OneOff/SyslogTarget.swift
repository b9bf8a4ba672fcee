public import ContainerSpec
import LinuxSystem
import SystemPackage

/// Where messages of syslog go.
public struct SyslogTarget: Sendable, Hashable {
  private let given: ByteString
  let peer: SocketPeer

  /// As it was given, such as `udp://192.0.2.1:514`, with U+FFFD for what is not UTF-8.
  public var text: String { given.description }

  /// Reads `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix:PATH`; an IPv6 address has brackets.
  ///
  /// - Throws: ``SpecError`` for anything else, and for a host that is a name.
  public init(parsing text: ByteString) throws(SpecError) {
    self.given = text
    let form = "write it as udp://192.0.2.1:514, tcp://[2001:db8::1]:601 or unix:/dev/log"
    if let path = text.bytes.after("unix:") {
      let path = FilePath(try ByteString(bytes: Array(path), subject: "a socket's path"))
      guard !path.isEmpty, let address = SocketAddress(path) else {
        throw SpecError(
          "\(String(quoting: text.bytes)) has no path that a socket can have",
          remedy: "name a path of at most \(SocketAddress.longestPath) bytes, such as /dev/log")
      }
      self.peer = .unix(address)
    } else if let place = text.bytes.after("udp://") {
      self.peer = .udp(try Self.address(place, of: text, form))
    } else if let place = text.bytes.after("tcp://") {
      self.peer = .tcp(try Self.address(place, of: text, form))
    } else {
      throw SpecError("\(String(quoting: text.bytes)) is not where syslog could be", remedy: form)
    }
  }

  private static func address(
    _ place: ArraySlice<UInt8>, of text: ByteString, _ form: String
  ) throws(SpecError) -> SocketAddress {
    guard let colon = place.lastIndex(of: UInt8(ascii: ":")),
      let port = UInt16(String(decoding: place[(colon + 1)...], as: UTF8.self)), port > 0,
      place[colon + 1] != UInt8(ascii: "+")
    else { throw SpecError("\(String(quoting: text.bytes)) has no port", remedy: form) }
    var host = place[..<colon]
    let hasBrackets = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
    if hasBrackets { host = host.dropFirst().dropLast() }
    let isVersion6 = host.contains(UInt8(ascii: ":"))
    if hasBrackets == isVersion6,
      let address = SocketAddress(host: String(decoding: host, as: UTF8.self), port: port)
    {
      return address
    }
    throw SpecError(
      "\(String(quoting: place[..<colon])) is not the number of a host; oneoff resolves no names",
      remedy: "\(form); getent hosts NAME tells the address of a name")
  }
}

extension SyslogTarget: Codable {
  /// Reads what was given.
  public init(from decoder: any Decoder) throws {
    self = try SyslogTarget(parsing: ByteString(from: decoder))
  }

  /// Writes what was given.
  public func encode(to encoder: any Encoder) throws { try given.encode(to: encoder) }
}

extension Array<UInt8> {
  /// What follows a beginning; nil when they begin otherwise.
  fileprivate func after(_ beginning: String) -> ArraySlice<UInt8>? {
    starts(with: beginning.utf8) ? dropFirst(beginning.utf8.count) : nil
  }
}
