/*
 * What takes rights away, in PID 1 and in the command's process.
 */
#include "internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

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

struct ol_outcome ol_perform_confinement(const struct ol_operation *operation) {
    switch (operation->kind) {
    case OL_NO_NEW_PRIVILEGES:
        return ol_check(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L), OL_STEP_PRCTL);
    case OL_NOT_DUMPABLE:
        return ol_check(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L), OL_STEP_PRCTL);
    case OL_SECCOMP:
        return ol_check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, operation->data),
                        OL_STEP_SECCOMP);
    case OL_KEEP_CAPABILITIES:
        return ol_set_capabilities(operation->number[0], 0);
    default:
        return (struct ol_outcome){OL_STEP_BAD_OPERATION, EINVAL, NULL};
    }
}
