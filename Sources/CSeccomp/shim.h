#include <errno.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An unnamed file in memory, closed on execve(2), or -errno; for seccomp_export_bpf(3), which only
 * writes to descriptors. Flag: MFD_CLOEXEC. See memfd_create(2). */
static inline int cseccomp_memory_file(void) {
    long result = syscall(SYS_memfd_create, "seccomp", 1U);
    return result < 0 ? -errno : (int)result;
}
