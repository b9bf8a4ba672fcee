#ifndef OL_SECCOMP_H
#define OL_SECCOMP_H
#include <linux/filter.h>
const struct sock_fprog *ol_seccomp_default(void);
const struct sock_fprog *ol_seccomp_init(void);
#endif
