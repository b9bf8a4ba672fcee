/*
 * Processes that hold a namespace open until the parent has taken a descriptor for it.
 *
 * They share the parent's memory, and with it its errno: they make raw system calls only. They have
 * descriptors of their own, and must close their copy of the pipe's writing end, or they would wait
 * for themselves.
 */
#include "ol_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A system call that leaves errno alone: a value, or -errno. */
static long ol_raw(long number, long first, long second, long third) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#else
#error "oneoff runs on x86-64 and arm64"
#endif
}

/* Returns at the end of the pipe. */
static void ol_wait_for_end(const struct ol_holder *holder) {
    char byte;
    ol_raw(SYS_close, holder->writer, 0, 0);
    while (ol_raw(SYS_read, holder->reader, (long)&byte, 1) > 0) {
    }
}

/* Writes a setting of the kernel's, in decimal. Where /proc/sys cannot be written it stays as it
 * is. */
static void ol_write_sysctl(const char *path, unsigned value) {
    char digits[10]; /* of 32 bits */
    _Static_assert(sizeof value == 4, "ten digits hold 32 bits");
    char *text = digits + sizeof digits;
    do {
        *--text = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    long file = ol_raw(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        ol_raw(SYS_write, file, (long)text, digits + sizeof digits - text);
        ol_raw(SYS_close, file, 0, 0);
    }
}

/* /proc/sys/user shows everybody the limits of his own user namespace (namespaces(7)), so that only
 * a process in it can lower them. They count for each of its users; what those take counts against
 * the maker of the namespace, too. */
static int ol_hold_user_namespace(void *argument) {
    struct ol_holder *holder = argument;
    if (holder->inotify_instances > 0) {
        ol_write_sysctl("/proc/sys/user/max_inotify_instances", holder->inotify_instances);
    }
    if (holder->inotify_watches > 0) {
        ol_write_sysctl("/proc/sys/user/max_inotify_watches", holder->inotify_watches);
    }
    ol_raw(SYS_write, holder->ready, (long)"", 1);
    ol_wait_for_end(holder);
    return 0;
}

/* Whether a raw system call has succeeded; a failure is noted for the parent. */
static bool ol_holds(struct ol_holder *holder, long result, enum ol_step step) {
    if (result >= 0) {
        return true;
    }
    holder->step = step;
    holder->error = (int)-result;
    return false;
}

static void ol_bring_loopback_up(struct ol_holder *holder) {
    long control = ol_raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!ol_holds(holder, control, OL_STEP_SOCKET)) {
        return;
    }
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    ol_holds(holder, ol_raw(SYS_ioctl, control, SIOCSIFFLAGS, (long)&request), OL_STEP_IOCTL);
    ol_raw(SYS_close, control, 0, 0);
}

static int ol_hold_network_namespace(void *argument) {
    struct ol_holder *holder = argument;
    if (ol_holds(holder, ol_raw(SYS_unshare, CLONE_NEWNET, 0, 0), OL_STEP_UNSHARE)) {
        ol_bring_loopback_up(holder);
        /* Nobody else is in this network whom a port below 1024 would have to be kept for. */
        ol_write_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start", 0);
    }
    ol_raw(SYS_write, holder->ready, (long)"", 1);
    ol_wait_for_end(holder);
    return 0;
}

/* Keeps a process off the processor that the caller is on, where there is another one: the kernel's
 * scheduler mostly starts a process where its parent runs, and then one waits for the other. */
static void ol_run_elsewhere(pid_t pid) {
    cpu_set_t processors;
    int current = sched_getcpu();
    if (current < 0 || current >= CPU_SETSIZE ||
        sched_getaffinity(0, sizeof processors, &processors) < 0) {
        return;
    }
    CPU_CLR(current, &processors);
    if (CPU_COUNT(&processors) > 0) {
        sched_setaffinity(pid, sizeof processors, &processors);
    }
}

static pid_t ol_start_holder(int (*hold)(void *), int flags, struct ol_holder *holder) {
    pid_t pid = clone(hold, (char *)holder->stack + OL_HOLDER_STACK_SIZE,
                      CLONE_VM | SIGCHLD | flags, holder);
    return pid < 0 ? -errno : pid;
}

pid_t ol_start_user_namespace_holder(struct ol_holder *holder) {
    return ol_start_holder(ol_hold_user_namespace, CLONE_NEWUSER, holder);
}

pid_t ol_start_network_namespace_holder(struct ol_holder *holder) {
    pid_t pid = ol_start_holder(ol_hold_network_namespace, 0, holder);
    if (pid < 0) {
        return pid;
    }
    ol_run_elsewhere(pid);
    return pid;
}
