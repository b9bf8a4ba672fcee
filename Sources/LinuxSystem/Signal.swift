internal import CLaunch
import Glibc

/// The numbers of signals that oneoff knows by name. See signal(7).
public enum Signal {
  /// SIGHUP: whoever had the terminal is gone.
  public static var hangUp: Int32 { SIGHUP }
  /// SIGINT: somebody has typed ^C.
  public static var interrupt: Int32 { SIGINT }
  /// SIGQUIT: somebody has typed ^\.
  public static var quit: Int32 { SIGQUIT }
  /// SIGKILL.
  public static var kill: Int32 { SIGKILL }
  /// SIGUSR1.
  public static var user1: Int32 { SIGUSR1 }
  /// SIGUSR2.
  public static var user2: Int32 { SIGUSR2 }
  /// SIGSEGV: how a C program ends that may not even exit.
  public static var segmentationFault: Int32 { SIGSEGV }
  /// SIGPIPE: nobody reads the output any more.
  public static var brokenPipe: Int32 { SIGPIPE }
  /// SIGTERM: the end is asked for.
  public static var terminate: Int32 { SIGTERM }
  /// SIGCONT: a stopped process goes on.
  public static var resume: Int32 { SIGCONT }
  /// SIGTSTP: somebody has typed ^Z.
  public static var stop: Int32 { SIGTSTP }
  /// SIGWINCH: the terminal has another size.
  public static var windowChange: Int32 { SIGWINCH }
  /// SIGXCPU: the processor time of a limit is used up.
  public static var processorTime: Int32 { SIGXCPU }
  /// SIGXFSZ: a file would be larger than a limit allows.
  public static var fileSize: Int32 { SIGXFSZ }
  /// SIGSYS: a seccomp filter has killed.
  public static var badSystemCall: Int32 { SIGSYS }

  /// The signals that are passed on: all but the last real-time signal, which a set of 64 bits that
  /// begins with 0 has no room for.
  public static var numbers: ClosedRange<Int32> { 1...63 }

  /// The name of a signal, such as `SIGTERM`.
  public static func name(_ number: Int32) -> String {
    // Safe: the C library returns NULL or a string with static storage duration.
    guard let name = unsafe ol_signal_name(number) else { return "signal \(number)" }
    // Safe: as above.
    return unsafe "SIG" + String(cString: name)
  }
}
