internal import CLaunch
import Glibc

/// How many columns a terminal has; nil where nobody has told it. See TIOCGWINSZ(2const).
public func terminalColumns(_ terminal: CInt) -> Int? {
  let columns = ol_terminal_columns(terminal)
  return columns > 0 ? columns : nil
}

/// Whether this process may draw on a terminal: another job of a shell's is not drawn over. Where
/// there are no jobs, it may. See tcgetpgrp(3).
public func isInForeground(of terminal: CInt) -> Bool {
  let group = tcgetpgrp(terminal)
  return group < 0 || group == getpgrp()
}
