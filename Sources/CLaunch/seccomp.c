#include "ol_seccomp.h"
#include <linux/seccomp.h>
static const struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static const struct sock_fprog program = {.len = 1, .filter = (struct sock_filter *)allow};
const struct sock_fprog *ol_seccomp_default(void) { return &program; }
const struct sock_fprog *ol_seccomp_init(void) { return &program; }
