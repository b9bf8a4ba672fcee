/*
 * Terminals: the one that a command gets, and the one at which its caller sits. Each call returns
 * a value, or -errno.
 */
#ifndef OL_TERMINAL_H
#define OL_TERMINAL_H

#include <stdint.h>

/* The other end of a pseudoterminal, by descriptor and never by path (TIOCGPTPEER, ioctl_tty(2)).
 * It does not become the caller's controlling terminal. */
long ol_open_terminal_device(int controller);

/* TIOCGWINSZ and TIOCSWINSZ, in characters. */
long ol_terminal_size(int terminal, uint16_t *rows, uint16_t *columns);
long ol_set_terminal_size(int terminal, uint16_t rows, uint16_t columns);

/* The character that means the end of the input; 0 where there is none (termios(3), VEOF). */
long ol_terminal_end_character(int terminal);

/* Has the terminal pass on every byte as it is. How it was is kept from the first call on, and a
 * signal that would end this process first gives it back. */
long ol_make_terminal_raw(int terminal);

/* Gives back how it was. Does nothing when it is not raw. */
void ol_restore_terminal(void);

/* Stops this process as SIGTSTP does, although that is blocked; returns when it is continued. */
void ol_stop_self(void);

/* SIGTTIN and SIGTTOU no longer stop this process: reading in the background is EIO. */
void ol_ignore_background_signals(void);

/* Another descriptor of the same open file, closed on execve(2). */
long ol_duplicate(int descriptor);

#endif
