// The system call filters: the command's default one, and PID 1's own.

#ifndef OL_SECCOMP_H
#define OL_SECCOMP_H

#include <linux/filter.h>

// The default filter of a command: seccomp/default.json, compiled at build time. It lives for
// ever, and is ready for seccomp(2). Explained in docs/seccomp.md.
const struct sock_fprog *ol_seccomp_default(void);

// The filter of the container's PID 1, which kills it for any call but: read, write, poll, ppoll,
// close, wait4, waitid, kill, exit, exit_group, getrusage, rt_sigreturn, restart_syscall.
const struct sock_fprog *ol_seccomp_init(void);

#endif
