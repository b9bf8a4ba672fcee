import OneOff

/// `oneoff gc`: removes what killed runs have left behind.
enum GCVerb {
  static let verb = Verb(
    name: "gc",
    summary: "Remove what runs whose supervisor was killed have left behind",
    details: [
      "The processes of such a run are gone already; empty cgroups may be left (on cgroup v1 only "
        + "of runs with limits), and without root, before Linux 6.6, a scratch that is a "
        + "directory. The next run that takes the same slot, with limits on v1, removes them too."
    ],
    examples: [.init(command: "oneoff gc", purpose: "remove all leftovers now")]
  ) { _ in
    let collection = try GarbageCollection()
    let count = collection.removedCgroups.count + collection.removedScratches.count
    try Printer.print("\(count) \(count == 1 ? "leftover" : "leftovers") removed\n")
    return 0
  }
}
