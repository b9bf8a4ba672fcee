// stub until the cli branch is merged
public struct AccountDatabase {
  public init(passwd: [UInt8], group: [UInt8]) {}
  public func resolve(_ r: UserReference) throws(SpecError) -> ResolvedUser {
    guard case .id(let u) = r.user else { throw SpecError("no") }
    var g: UInt32 = 0
    if case .id(let x)? = r.group { g = x }
    return ResolvedUser(uid: u, gid: g)
  }
}
