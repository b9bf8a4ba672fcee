import OneOff

/// `oneoff supervise`: the supervisor of a run that another program starts.
///
/// A large program with many threads is never forked: it starts this small one, which clones the
/// container in its place.
enum SuperviseVerb {
  static let verb = Verb(
    name: "supervise",
    summary: "Supervise a run for a program that uses OneOffContainer, or a detached one",
    groups: [.caller],
    isHidden: true
  ) { invocation in
    try invocation.options.isDetached ? DetachedRun.supervise() : superviseForCaller()
  }
}
