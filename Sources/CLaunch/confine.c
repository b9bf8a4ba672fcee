/*
 * What takes rights away, in PID 1 and in the command's process.
 */
#include "internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static struct __user_cap_data_struct ol_capability_word(uint32_t mask, uint32_t inherited) {
    return (struct __user_cap_data_struct){
        .effective = mask, .permitted = mask, .inheritable = inherited};
}

/* What is `inherited` stays across execve(2), also for a user who is not root: it must be ambient,
 * and for that inheritable (capabilities(7)). */
struct ol_outcome ol_set_capabilities(uint64_t mask, uint64_t inherited) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        ol_capability_word((uint32_t)mask, (uint32_t)inherited),
        ol_capability_word((uint32_t)(mask >> 32), (uint32_t)(inherited >> 32)),
    };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0) {
        return ol_failed(OL_STEP_PRCTL);
    }
    if (syscall(SYS_capset, &header, data) < 0) {
        return ol_failed(OL_STEP_CAPSET);
    }
    for (unsigned long capability = 0; capability < 64; capability++) {
        if ((inherited >> capability & 1) != 0 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0L, 0L) < 0) {
            return ol_failed(OL_STEP_PRCTL);
        }
    }
    return ol_done();
}

/* prctl(2): EINVAL marks the first capability that this kernel does not know. */
static struct ol_outcome ol_bound_capabilities(uint64_t kept) {
    for (unsigned long capability = 0; capability < 64; capability++) {
        if ((kept >> capability & 1) == 0 &&
            prctl(PR_CAPBSET_DROP, capability, 0L, 0L, 0L) < 0) {
            return errno == EINVAL && capability > 0 ? ol_done() : ol_failed(OL_STEP_PRCTL);
        }
    }
    return ol_done();
}

/* For setresuid(2) and setresgid(2) the id -1 means "as it is": root's, here. */
static struct ol_outcome ol_set_id(long call, uint64_t id, enum ol_step step) {
    if (id >= UINT32_MAX) {
        return (struct ol_outcome){step, EINVAL, NULL};
    }
    return ol_check(syscall(call, id, id, id), step);
}

/* Range by range between those that stay; 0, 1 and 2 always do. A kept one of -1 is none. */
struct ol_outcome ol_close_all_but(const int *kept, int count) {
    unsigned int first = 3;
    for (;;) {
        unsigned int next = ~0u;
        for (int index = 0; index < count; index++) {
            unsigned int candidate = (unsigned int)kept[index];
            if (kept[index] >= 0 && candidate >= first && candidate < next) {
                next = candidate;
            }
        }
        if (next > first && close_range(first, next == ~0u ? next : next - 1, 0) < 0) {
            return ol_failed(OL_STEP_CLOSE_RANGE);
        }
        if (next == ~0u) {
            return ol_done();
        }
        first = next + 1;
    }
}

/* When this fails, whoever has the socket's other end sees its end instead of a descriptor. */
long ol_send_descriptor(int socket, int descriptor) {
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                   .cmsg_level = SOL_SOCKET,
                   .cmsg_type = SCM_RIGHTS},
    };
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    /* Without waiting: the supervisor takes what was sent when the run is over. */
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Waits until the descriptor is there. It shares the table of descriptors with the process that
 * makes it, and nothing else. If that one ends without, PID 1 kills everything. */
static _Noreturn void ol_hand_over_listener(int socket, int listener) {
    while (fcntl(listener, F_GETFD) < 0) {
        struct timespec moment = {.tv_nsec = 20 * 1000};
        nanosleep(&moment, NULL);
    }
    ol_send_descriptor(socket, listener);
    _exit(0);
}

/*
 * Installs a filter with a listener, and has the listener sent over a socket.
 *
 * This process cannot send it: the filter binds it at once, and may not allow that. So a process
 * that was cloned before does, which sees the descriptor appear in the table that both share. Its
 * number is known beforehand: the kernel gives the lowest that is free, and nobody else opens
 * anything. execve(2) then gives the command a table of its own, without the listener.
 */
static struct ol_outcome ol_install_with_listener(const void *program, int socket) {
    int listener = fcntl(0, F_DUPFD_CLOEXEC, 0);
    if (listener < 0) {
        return ol_failed(OL_STEP_FCNTL);
    }
    close(listener);
    /* A child of PID 1, which reaps it: the command must have no child that it does not know. */
    struct clone_args arguments = {.flags = CLONE_FILES | CLONE_PARENT};
    long sender = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (sender == 0) {
        ol_hand_over_listener(socket, listener);
    }
    if (sender < 0) {
        return ol_failed(OL_STEP_FORK);
    }
    /* WAIT_KILLABLE_RECV: a call that a signal interrupts would be made, and counted, twice. */
    return ol_check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER |
                                SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                            program),
                    OL_STEP_SECCOMP);
}

static struct ol_outcome ol_install_filter(const struct ol_operation *operation) {
    if (operation->descriptor >= 0) {
        return ol_install_with_listener(operation->data, operation->descriptor);
    }
    return ol_check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, operation->data),
                    OL_STEP_SECCOMP);
}

struct ol_outcome ol_perform_confinement(const struct ol_operation *operation) {
    uint64_t number = operation->number[0];
    switch (operation->kind) {
    case OL_NO_NEW_PRIVILEGES:
        return ol_check(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L), OL_STEP_PRCTL);
    case OL_NOT_DUMPABLE:
        return ol_check(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L), OL_STEP_PRCTL);
    case OL_SECCOMP:
        return ol_install_filter(operation);
    case OL_BOUND_CAPABILITIES:
        return ol_bound_capabilities(number);
    case OL_KEEP_CAPABILITIES:
        return ol_set_capabilities(number, 0);
    case OL_OUTLAST_USER_CHANGE:
        return ol_check(prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L), OL_STEP_PRCTL);
    case OL_SET_GROUPS:
        return ol_check(syscall(SYS_setgroups, number, operation->data), OL_STEP_SETGROUPS);
    case OL_SET_GROUP:
        return ol_set_id(SYS_setresgid, number, OL_STEP_SETRESGID);
    case OL_SET_USER:
        return ol_set_id(SYS_setresuid, number, OL_STEP_SETRESUID);
    case OL_SET_NICENESS:
        return ol_check(setpriority(PRIO_PROCESS, 0, (int)(int64_t)number), OL_STEP_SETPRIORITY);
    default:
        return (struct ol_outcome){OL_STEP_BAD_OPERATION, EINVAL, NULL};
    }
}
