internal import CLaunch

/// The terminal of this process's caller, which passes on every key as it is while it is raw.
///
/// There is one in a process. It is given back as it was by ``restore()``, and before a signal ends
/// the process; only SIGKILL leaves it raw (`stty sane` mends it). See termios(3), cfmakeraw.
public final class RawTerminal {
  /// The terminal.
  public let descriptor: CInt
  /// Whether it is raw now, as far as this process knows.
  public private(set) var isRaw = false

  /// Names the terminal; it is left as it is.
  public init(_ descriptor: CInt) { self.descriptor = descriptor }

  /// Makes it raw, unless another job of the caller's shell has it.
  ///
  /// - Returns: whether it is raw now.
  @discardableResult
  public func enter() -> Bool {
    guard isInForeground(of: descriptor) else { return false }
    isRaw = ol_make_terminal_raw(descriptor) == 0
    return isRaw
  }

  /// Gives it back as it was. Another job that has it now keeps it as that one has set it.
  public func restore() {
    guard isRaw else { return }
    isRaw = false
    if isInForeground(of: descriptor) { ol_restore_terminal() }
  }
}

/// Stops this process as SIGTSTP does; returns when it is continued.
public func stopThisProcess() { ol_stop_self() }

/// Keeps SIGTTIN and SIGTTOU from stopping this process: to read from the terminal while another
/// job has it is EIO then. See credentials(7) and tty_ioctl(4).
public func ignoreBackgroundSignals() { ol_ignore_background_signals() }
