import OneOff

/// `oneoff print-plan`: what `run` would do, without doing it.
enum PrintPlanVerb {
  static let verb = Verb(
    name: "print-plan",
    summary: "Print what run would ask the kernel for, without doing it",
    operands: "[--] COMMAND [ARG…]",
    details: ["The plan is the list of operations between clone3(2) and execve(2), in order."],
    groups: OptionGroup.ofRun + [OptionGroup.interaction],
    examples: [
      .init(
        command: "oneoff print-plan --rootfs /srv/image --read-only -- id",
        purpose: "the plan of a run without a writable root file system")
    ]
  ) { invocation in
    let spec = try invocation.options.run.spec(command: invocation.operands)
    try Printer.print(describePlan(of: spec))
    return 0
  }
}
