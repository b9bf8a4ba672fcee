/*
 * What the command's process does between fork and execve(2).
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The sources are above 2: the parent keeps 0, 1 and 2 of its own open. */
static struct ol_outcome ol_standard_streams(const int32_t *sources) {
    for (int stream = 0; stream < 3; stream++) {
        if (dup3(sources[stream], stream, 0) < 0) {
            return ol_failed(OL_STEP_DUP3);
        }
    }
    return ol_done();
}

/* After the ids were set, so that it is the run's user who must have the right to enter. getcwd(2)
 * answers "(unreachable)…" when a path has led out of the root. */
static struct ol_outcome ol_working_directory(const char *path) {
    if (chdir(path) < 0) {
        struct ol_outcome outcome = ol_failed(OL_STEP_CHDIR);
        outcome.text = path;
        return outcome;
    }
    char here[PATH_MAX];
    if (syscall(SYS_getcwd, here, sizeof here) < 0) {
        return ol_failed(OL_STEP_GETCWD);
    }
    if (here[0] != '/') {
        return (struct ol_outcome){OL_STEP_GETCWD, EXDEV, path};
    }
    return ol_done();
}

/* Sets a limit, but never above the caller's hard limit: that would take a capability. */
static struct ol_outcome ol_set_resource_limit(const struct ol_operation *operation) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)operation->flags, &limit) < 0) {
        return ol_failed(OL_STEP_PRLIMIT);
    }
    const rlim_t highest = limit.rlim_max;
    limit.rlim_cur = operation->number[0] < highest ? operation->number[0] : highest;
    limit.rlim_max = operation->number[1] < highest ? operation->number[1] : highest;
    return ol_check(setrlimit((__rlimit_resource_t)operation->flags, &limit), OL_STEP_PRLIMIT);
}

/* Exactly as it was asked for. The supervisor has raised the hard limit as far as that takes. */
static struct ol_outcome ol_fix_resource_limit(const struct ol_operation *operation) {
    const struct rlimit limit = {.rlim_cur = operation->number[0],
                                 .rlim_max = operation->number[1]};
    return ol_check(setrlimit((__rlimit_resource_t)operation->flags, &limit), OL_STEP_PRLIMIT);
}

/* The status pipe is closed by execve(2), which may still fail and be reported. Everything else
 * goes now: the command's path could lead over a descriptor (CVE-2024-21626). */
static struct ol_outcome ol_close_descriptors(const struct ol_child *child, int also_kept) {
    const int kept[] = {child->plan->status_writer, also_kept};
    return ol_close_all_but(kept, sizeof kept / sizeof *kept);
}

struct ol_outcome ol_perform_command(const struct ol_child *child,
                                     const struct ol_operation *operation) {
    uint64_t number = operation->number[0];
    switch (operation->kind) {
    case OL_NEW_SESSION:
        return ol_check(setsid(), OL_STEP_SETSID);
    case OL_STANDARD_STREAMS:
        return ol_standard_streams(operation->data);
    case OL_CONTROLLING_TERMINAL:
        return ol_check(ioctl(STDIN_FILENO, TIOCSCTTY, 0), OL_STEP_IOCTL);
    case OL_SET_UMASK:
        umask((mode_t)number);
        return ol_done();
    case OL_JOIN_USER_NAMESPACE:
        return ol_check(setns(operation->descriptor, CLONE_NEWUSER), OL_STEP_SETNS);
    case OL_SET_CAPABILITIES:
        return ol_set_capabilities(number, number);
    case OL_NEW_KEYRING:
        return ol_check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), OL_STEP_KEYCTL);
    case OL_WORKING_DIRECTORY:
        return ol_working_directory(operation->path);
    case OL_LANDLOCK:
        return ol_check(syscall(SYS_landlock_restrict_self, operation->descriptor, 0),
                        OL_STEP_LANDLOCK_RESTRICT_SELF);
    case OL_SET_RESOURCE_LIMIT:
        return ol_set_resource_limit(operation);
    case OL_FIX_RESOURCE_LIMIT:
        return ol_fix_resource_limit(operation);
    case OL_CLOSE_DESCRIPTORS:
        return ol_close_descriptors(child, operation->descriptor);
    case OL_EXECUTE:
        return ol_execute(operation);
    default:
        return (struct ol_outcome){OL_STEP_BAD_OPERATION, EINVAL, NULL};
    }
}
