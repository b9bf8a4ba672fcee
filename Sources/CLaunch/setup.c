/*
 * Set-up: what PID 1 does before it forks the command, in the supervisor's user namespace: the
 * host's, but without root.
 */
#include "internal.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

/* /proc/1/cmdline and /proc/1/environ would show the host's. This memory is our own copy of it. */
static struct ol_outcome ol_erase_arguments(const struct ol_operation *operation) {
    if (operation->data != NULL) {
        memset((void *)(uintptr_t)operation->data, 0, operation->number[0]);
    }
    return ol_check(prctl(PR_SET_NAME, operation->text, 0L, 0L, 0L), OL_STEP_PRCTL);
}

/* CLONE_CLEAR_SIGHAND resets handlers but leaves ignored signals ignored, and the command would
 * inherit that: a Python supervisor's SIGPIPE, a nohup's SIGHUP. */
static struct ol_outcome ol_reset_signals(void) {
    // The raw call and the kernel's own structure: glibc keeps 32 and 33 for itself, and its
    // posix_spawn(3) starts programs with both ignored.
    static const uint64_t default_action[4];
    for (int number = 1; number < NSIG; number++) {
        if (number != SIGKILL && number != SIGSTOP &&
            syscall(SYS_rt_sigaction, number, default_action, NULL, sizeof(uint64_t)) < 0) {
            return ol_failed(OL_STEP_SIGACTION);
        }
    }
    sigset_t all;
    sigfillset(&all);
    return ol_check(sigprocmask(SIG_SETMASK, &all, NULL), OL_STEP_SIGPROCMASK);
}

/* Any directory would do. /proc exists wherever oneoff works, and the host's is needed no more. */
static struct ol_outcome ol_enter_scratch(int scratch) {
    if (move_mount(scratch, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0) {
        return ol_failed(OL_STEP_MOVE_MOUNT);
    }
    return ol_check(fchdir(scratch), OL_STEP_FCHDIR);
}

/* Feeds "key, value, key, …, empty" to fsconfig(2). A key without a value is a flag. */
static struct ol_outcome ol_configure(int context, const char *options) {
    for (const char *key = options; *key != '\0';) {
        const char *value = key + strlen(key) + 1;
        long result = *value == '\0' ? fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0)
                                     : fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
        if (result < 0) {
            struct ol_outcome outcome = ol_failed(OL_STEP_FSCONFIG);
            outcome.text = key;
            return outcome;
        }
        key = value + strlen(value) + 1;
    }
    return ol_check(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), OL_STEP_FSCONFIG);
}

static unsigned int ol_mount_attributes(uint32_t flags) {
    unsigned int attributes = 0;
    attributes |= (flags & OL_READ_ONLY) != 0 ? MOUNT_ATTR_RDONLY : 0u;
    attributes |= (flags & OL_NO_SUID) != 0 ? MOUNT_ATTR_NOSUID : 0u;
    attributes |= (flags & OL_NO_DEVICES) != 0 ? MOUNT_ATTR_NODEV : 0u;
    attributes |= (flags & OL_NO_EXECUTE) != 0 ? MOUNT_ATTR_NOEXEC : 0u;
    return attributes;
}

/* Remembers a mount in the register that the flags name. False: nobody needs it any more. */
static bool ol_remember(struct ol_child *child, uint32_t flags, int mount) {
    if ((flags & OL_KEEP_AS_ROOT) != 0) {
        child->root = mount;
    } else if ((flags & OL_KEEP_AS_PROC) != 0) {
        child->proc = mount;
    } else if ((flags & OL_KEEP_AS_SYS) != 0) {
        child->sys = mount;
    } else {
        return false;
    }
    return true;
}

/* Made as a detached mount and attached by descriptor: the type's own code never sees a path that
 * the image could have bent. */
static struct ol_outcome ol_mount(struct ol_child *child, const struct ol_operation *operation) {
    int context = fsopen(operation->text, FSOPEN_CLOEXEC);
    if (context < 0) {
        return ol_failed(OL_STEP_FSOPEN);
    }
    struct ol_outcome outcome = ol_configure(context, operation->data);
    if (outcome.step != OL_STEP_NONE) {
        return outcome;
    }
    int mount = fsmount(context, FSMOUNT_CLOEXEC, ol_mount_attributes(operation->flags));
    if (mount < 0) {
        return ol_failed(OL_STEP_FSMOUNT);
    }
    close(context);
    outcome = ol_attach(child, operation, mount);
    if (outcome.step == OL_STEP_NONE && !ol_remember(child, operation->flags, mount)) {
        close(mount);
    }
    return outcome;
}

/* pivot_root(2): "." may be both arguments; the old root then lies on top of the new one. */
static struct ol_outcome ol_pivot(const struct ol_child *child) {
    if (fchdir(child->root) < 0) {
        return ol_failed(OL_STEP_FCHDIR);
    }
    if (syscall(SYS_pivot_root, ".", ".") < 0) {
        return ol_failed(OL_STEP_PIVOT_ROOT);
    }
    if (umount2(".", MNT_DETACH) < 0) {
        return ol_failed(OL_STEP_UMOUNT2);
    }
    return ol_check(chdir("/"), OL_STEP_CHDIR);
}

/* Whose it is, /proc/self says: the descriptor is of the container's own procfs. */
static struct ol_outcome ol_adjust_oom_score(const struct ol_child *child, const char *value) {
    struct open_how how = {
        .flags = O_WRONLY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
    };
    long file = syscall(SYS_openat2, child->proc, "self/oom_score_adj", &how, sizeof how);
    if (file < 0) {
        return ol_failed(OL_STEP_OPENAT2);
    }
    struct ol_outcome outcome = ol_check(write((int)file, value, strlen(value)), OL_STEP_WRITE);
    close((int)file);
    return outcome;
}

struct ol_outcome ol_perform_setup(struct ol_child *child, const struct ol_operation *operation) {
    switch (operation->kind) {
    case OL_ERASE_ARGUMENTS:
        return ol_erase_arguments(operation);
    case OL_RESET_SIGNALS:
        return ol_reset_signals();
    case OL_JOIN_CGROUP:
        return ol_check(write(operation->descriptor, "0", 1), OL_STEP_WRITE);
    case OL_NEW_CGROUP_NAMESPACE:
        return ol_check(unshare(CLONE_NEWCGROUP), OL_STEP_UNSHARE);
    case OL_JOIN_NETWORK:
        return ol_check(setns(operation->descriptor, CLONE_NEWNET), OL_STEP_SETNS);
    case OL_PRIVATE_MOUNTS:
        return ol_check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), OL_STEP_MOUNT);
    case OL_ENTER_SCRATCH:
        return ol_enter_scratch(operation->descriptor);
    case OL_ATTACH:
        return ol_attach(child, operation, operation->descriptor);
    case OL_MOUNT:
        return ol_mount(child, operation);
    case OL_MASK:
        return ol_mask(child, operation);
    case OL_MAKE_READ_ONLY:
        return ol_make_read_only(child, operation);
    case OL_PIVOT:
        return ol_pivot(child);
    case OL_SET_HOSTNAME:
        return ol_check(sethostname(operation->text, strlen(operation->text)),
                        OL_STEP_SETHOSTNAME);
    case OL_ADJUST_OOM_SCORE:
        return ol_adjust_oom_score(child, operation->text);
    case OL_SEND_PLACE:
        return ol_send_place(child, operation);
    default:
        return (struct ol_outcome){OL_STEP_BAD_OPERATION, EINVAL, NULL};
    }
}
