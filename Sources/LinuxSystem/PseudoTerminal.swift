internal import CLaunch
import Glibc

/// Opens the device of a pseudoterminal by its controller, and never by path.
///
/// It does not become the controlling terminal of this process. See ioctl_tty(2), TIOCGPTPEER.
public func openTerminalDevice(
  of controller: borrowing OwnedDescriptor, owner: LaunchPlan.Owner
) throws(SystemError) -> OwnedDescriptor {
  let device = OwnedDescriptor(
    owning: try checkNegated(
      ol_open_terminal_device(controller.number), "ioctl(2)", "of the command's terminal"))
  // The group is the one of all terminals, which devpts has given it.
  let sameGroup = gid_t.max
  _ = try check(
    fchown(device.number, owner.uid, sameGroup), "fchown(2)", "of the command's terminal")
  return device
}

/// How large a terminal is; nil where nobody has told it. See TIOCGWINSZ(2const).
public func terminalSize(_ terminal: CInt) -> (rows: UInt16, columns: UInt16)? {
  var (rows, columns): (UInt16, UInt16) = (0, 0)
  // Safe: the call writes the two numbers.
  guard unsafe ol_terminal_size(terminal, &rows, &columns) == 0, rows > 0, columns > 0 else {
    return nil
  }
  return (rows, columns)
}

/// Tells a terminal how large it is; whoever uses it gets SIGWINCH when that is news.
public func setTerminalSize(
  _ terminal: CInt, rows: UInt16, columns: UInt16
) throws(SystemError) {
  _ = try checkNegated(
    ol_set_terminal_size(terminal, rows, columns), "ioctl(2)", "of the terminal's size")
}

/// What a person types for the end of the input, as a terminal is set; empty where nothing is.
public func terminalEndCharacter(_ terminal: CInt) -> [UInt8] {
  let character = ol_terminal_end_character(terminal)
  return character > 0 ? [UInt8(truncatingIfNeeded: character)] : []
}
