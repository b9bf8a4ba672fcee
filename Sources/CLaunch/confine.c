/*
 * What takes rights away, in PID 1 and in the command's process.
 */
#include "internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

struct ol_outcome ol_set_capabilities(uint64_t mask) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)mask, .permitted = (uint32_t)mask, .inheritable = 0},
        {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
    };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0) {
        return ol_failed(OL_STEP_PRCTL);
    }
    return ol_check(syscall(SYS_capset, &header, data), OL_STEP_CAPSET);
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
        return ol_set_capabilities(operation->number[0]);
    case OL_OUTLAST_USER_CHANGE:
        return ol_check(prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L), OL_STEP_PRCTL);
    default:
        return (struct ol_outcome){OL_STEP_BAD_OPERATION, EINVAL, NULL};
    }
}
