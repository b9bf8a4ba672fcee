// The system call filters, as constants: nothing is compiled or allocated in the child.

#include "ol_seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "seccomp_default.h"

#if defined(__x86_64__)
#define OL_NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OL_NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#define OL_LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define OL_RETURN(verdict) BPF_STMT(BPF_RET | BPF_K, (verdict))
#define OL_ALLOW(name)                                     \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1),  \
      OL_RETURN(SECCOMP_RET_ALLOW)

// x32 needs no check of its own: its numbers are equal to none of these.
static const struct sock_filter init_filter[] = {
    OL_LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OL_NATIVE_ARCH, 1, 0),
    OL_RETURN(SECCOMP_RET_KILL_PROCESS),

    OL_LOAD(nr),
    OL_ALLOW(read),
    OL_ALLOW(write),
#ifdef __NR_poll
    OL_ALLOW(poll),
#endif
    OL_ALLOW(ppoll),
    OL_ALLOW(close),
    OL_ALLOW(wait4),
    OL_ALLOW(waitid),
    OL_ALLOW(kill),
    OL_ALLOW(exit),
    OL_ALLOW(exit_group),
    OL_ALLOW(getrusage),
    OL_ALLOW(rt_sigreturn),
    OL_ALLOW(restart_syscall),

    // openat(2) reads its flags as an int: the low half, which comes first, is all there is.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 4),
    OL_LOAD(args[2]),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (unsigned)~O_CLOEXEC),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_RDONLY, 0, 1),
    OL_RETURN(SECCOMP_RET_ALLOW),
    OL_RETURN(SECCOMP_RET_KILL_PROCESS),
};

#define OL_PROGRAM(instructions)                               \
  {                                                            \
    .len = sizeof(instructions) / sizeof((instructions)[0]),   \
    /* The kernel only reads them. */                          \
    .filter = (struct sock_filter *)(instructions),            \
  }

const struct sock_fprog *ol_seccomp_default(void) {
  static const struct sock_fprog program = OL_PROGRAM(ol_seccomp_default_filter);
  return &program;
}

const struct sock_fprog *ol_seccomp_init(void) {
  static const struct sock_fprog program = OL_PROGRAM(init_filter);
  return &program;
}
