/*
 * Terminals; see ol_terminal.h.
 */
#include "ol_terminal.h"
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

long ol_open_terminal_device(int controller) {
    int unlocked = 0;
    if (ioctl(controller, TIOCSPTLCK, &unlocked) < 0) {
        return -errno;
    }
    return ol_result(ioctl(controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

long ol_terminal_size(int terminal, uint16_t *rows, uint16_t *columns) {
    struct winsize size = {0};
    if (ioctl(terminal, TIOCGWINSZ, &size) < 0) {
        return -errno;
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

long ol_set_terminal_size(int terminal, uint16_t rows, uint16_t columns) {
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ol_result(ioctl(terminal, TIOCSWINSZ, &size));
}

long ol_terminal_end_character(int terminal) {
    struct termios attributes;
    if (tcgetattr(terminal, &attributes) < 0) {
        return -errno;
    }
    return attributes.c_cc[VEOF];
}

/* What a signal handler needs: nothing else in the program may touch it. */
static struct {
    struct termios before;
    volatile sig_atomic_t is_known;
    volatile sig_atomic_t is_raw;
    int terminal;
} ol_raw;

void ol_restore_terminal(void) {
    if (ol_raw.is_raw) {
        ol_raw.is_raw = 0;
        /* Without waiting for output: whoever has stopped it must not keep us. */
        tcsetattr(ol_raw.terminal, TCSANOW, &ol_raw.before);
    }
}

/* SA_RESETHAND has given the signal its default effect back, which it has when this returns. */
static void ol_restore_and_end(int number) {
    ol_restore_terminal();
    raise(number);
}

/* What ends a process by default: a trap of Swift's among them. Where signals are forwarded to a
 * command they are blocked. The child of clone3(2) has none of these handlers
 * (CLONE_CLEAR_SIGHAND). */
static void ol_restore_before_death(void) {
    static const int deadly[] = {SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,  SIGFPE,  SIGSEGV,
                                 SIGALRM, SIGVTALRM, SIGPROF, SIGSYS,  SIGIO,   SIGXCPU,
                                 SIGHUP,  SIGINT,    SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = ol_restore_and_end, .sa_flags = (int)SA_RESETHAND};
    for (size_t index = 0; index < sizeof deadly / sizeof *deadly; index++) {
        struct sigaction old;
        if (sigaction(deadly[index], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            sigaction(deadly[index], &action, NULL);
        }
    }
}

long ol_make_terminal_raw(int terminal) {
    if (!ol_raw.is_known) {
        if (tcgetattr(terminal, &ol_raw.before) < 0) {
            return -errno;
        }
        ol_raw.terminal = terminal;
        ol_raw.is_known = 1;
        ol_restore_before_death();
    }
    struct termios raw = ol_raw.before;
    cfmakeraw(&raw);
    /* BEFORE it is so, or a signal in between would leave it. */
    ol_raw.is_raw = 1;
    if (tcsetattr(terminal, TCSANOW, &raw) < 0) {
        int error = errno;
        ol_raw.is_raw = 0;
        return -error;
    }
    return 0;
}

void ol_stop_self(void) {
    sigset_t stop;
    sigset_t before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    kill(getpid(), SIGTSTP);
    /* Here it takes effect. */
    sigprocmask(SIG_UNBLOCK, &stop, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void ol_ignore_background_signals(void) {
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
}

long ol_duplicate(int descriptor) { return ol_result(fcntl(descriptor, F_DUPFD_CLOEXEC, 3)); }
