import Testing

/// Something that `probe try` tries to do to PID 1, and the errno with which it is denied.
struct AttemptOnFirstProcess: Sendable, CustomTestStringConvertible {
  var name: String
  var errno: String

  init(_ name: String, _ errno: String) {
    self.name = name
    self.errno = errno
  }

  var testDescription: String { name }

  /// What nothing but the id of PID 1 denies: whoever has the same may do it.
  static let deniedByItsID = [
    AttemptOnFirstProcess("kill-init", "EPERM"), AttemptOnFirstProcess("signal-init-term", "EPERM"),
    AttemptOnFirstProcess("prlimit-init", "EPERM"),
  ]

  /// What is denied whatever ids the two have, and needs no capability outside of a container.
  static let deniedToEveryID = [
    AttemptOnFirstProcess("ptrace-init", "EPERM"), AttemptOnFirstProcess("sched-init", "EPERM"),
    AttemptOnFirstProcess("read-init-environ", "EACCES"),
    AttemptOnFirstProcess("read-init-mem", "EACCES"),
    AttemptOnFirstProcess("read-init-fd", "EACCES"),
    AttemptOnFirstProcess("read-init-root", "EACCES"),
  ]

  /// Takes capabilities outside of a container, too.
  static let joining = AttemptOnFirstProcess("setns-init", "EACCES")

  static let all = deniedByItsID + deniedToEveryID + [joining]
}

/// A shell command that executes another one once PID 1 has confined itself, which it ends when the
/// command is there: until PID 1 has its filter, or in a launch without that no capability.
func onceFirstProcessIsConfined(_ command: String) -> String {
  """
  i=0; until grep -q -e '^Seccomp:.2' -e '^CapEff:.0*$' /proc/1/status; do
    [ $((i += 1)) -lt 1000 ] || { echo 'PID 1 has not confined itself' >&2; exit 99; }
  done; exec \(command)
  """
}
